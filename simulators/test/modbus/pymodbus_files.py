"""What another library reads of files, as JSON: its one argument is the port. Records of file 4 from 1 on and of file 3 from 9 on, in one request."""

import json
import sys

from pymodbus.client import ModbusTcpClient
from pymodbus.pdu.file_message import FileRecord

client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]))
client.connect()
asked = [
    FileRecord(file_number=4, record_number=1, record_length=4),
    FileRecord(file_number=3, record_number=9, record_length=8),
]
there = client.read_file_record(asked, device_id=1)
missing = client.read_file_record([FileRecord(file_number=5, record_number=0, record_length=2)], device_id=1)
print(json.dumps({"there": [record.record_data.hex() for record in there.records], "missing": missing.exception_code}))
client.close()
