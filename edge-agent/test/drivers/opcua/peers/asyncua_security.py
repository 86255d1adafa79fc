"""Certificates, users and a list of trusted clients for the asyncua server: what `security` of its settings says."""

from pathlib import Path

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.uacrypto import der_from_x509
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.user_managers import CertificateUserManager

TOKENS = {
    "anonymous": ua.AnonymousIdentityToken,
    "password": ua.UserNameIdentityToken,
    "certificate": ua.X509IdentityToken,
}


class Users(CertificateUserManager):
    """Whoever has a password that is listed, or a certificate that was added; anybody where `tokens` has anonymous."""

    def __init__(self, passwords, lets_anybody_in):
        super().__init__()
        self.passwords = passwords
        self.lets_anybody_in = lets_anybody_in

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username is not None:
            return User(role=UserRole.User, name=username) if self.passwords.get(username) == password else None
        # Without a user certificate it is that of the secure channel.
        user = super().get_user(iserver, certificate=certificate)
        return user or (User(role=UserRole.User) if self.lets_anybody_in else None)


def trusts_only(folder):
    """The certificates of clients that lie in `trusted` of the folder; others are kept in `rejected` of it."""

    trusted, rejected = Path(folder, "trusted"), Path(folder, "rejected")
    for each in (trusted, rejected):
        each.mkdir(exist_ok=True)
    options = CertificateValidatorOptions.EXT_VALIDATION | CertificateValidatorOptions.PEER_CLIENT

    async def validate(certificate, application):
        await CertificateValidator(options).validate(certificate, application)
        name = f"{certificate.serial_number:x}.der"
        if not Path(trusted, name).exists():
            Path(rejected, name).write_bytes(der_from_x509(certificate))
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    return validate


async def secure(server, security):
    server.set_security_policy([ua.SecurityPolicyType[name] for name in security["policies"]])
    if "certificate" in security:
        await server.load_certificate(security["certificate"])
        await server.load_private_key(security["key"])
    if "applicationUri" in security:
        await server.set_application_uri(security["applicationUri"])
    tokens = security.get("tokens", ["anonymous"])
    users = Users(security.get("passwords", {}), "anonymous" in tokens)
    for file in security.get("userCertificates", []):
        await users.add_user(file, file)
    server.iserver.user_manager = users
    server.set_identity_tokens([TOKENS[name] for name in tokens])
    if "clients" in security:
        server.set_certificate_validator(trusts_only(security["clients"]))
