/** Called by kafka.sh, so that no run of the tests has to. */
import { keepKafkaClasses } from '@fieldline/shared/testing/kafka-classes';

await keepKafkaClasses();
