"""Makes certificates for one run, by the openssl command.

The CA is new in each run: ca.pem. It signs a certificate that clients must accept ("server"), and some that clients
must refuse ("expired", "wronghost"). Clients must also refuse "selfsigned", which no CA has signed.
"""

import os
import ssl
import subprocess

LOOPBACK = "DNS:localhost,IP:127.0.0.1,IP:::1"

# The configuration of openssl ca(1): its directory, and what goes into a certificate
CONFIG = """\
[ca]
default_ca = mirror
[mirror]
database = {directory}/index
new_certs_dir = {directory}
certificate = {state}/ca.pem
private_key = {directory}/ca.key
default_md = sha256
policy = any_name
unique_subject = no
rand_serial = yes
x509_extensions = server
[any_name]
commonName = supplied
[server]
basicConstraints = critical,CA:FALSE
subjectAltName = {names}
extendedKeyUsage = serverAuth
"""


class CertificateError(Exception):
    """openssl could not make a certificate."""


def openssl(*arguments):
    result = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        raise CertificateError(f"openssl {arguments[0]} failed: "
                               + result.stdout.decode(errors="replace"))


def new_key(path):
    """The arguments for a new key. It is an elliptic curve key, because such keys are made at once."""
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]


def make(state):
    """Make the CA and all certificates: STATE/ca.pem, the rest in STATE/certs."""
    directory = os.path.join(state, "certs")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    openssl("req", "-x509", *new_key(f"{directory}/ca.key"), "-out", f"{state}/ca.pem",
            "-days", "2", "-subj", "/CN=CA of a test mirror",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    with open(f"{directory}/index", "w", encoding="ascii"):
        pass
    sign(state, directory, "server", LOOPBACK, ["-days", "2"])
    sign(state, directory, "wronghost", "DNS:mirror.invalid", ["-days", "2"])
    sign(state, directory, "expired", LOOPBACK,
         ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"])
    openssl("req", "-x509", *new_key(f"{directory}/selfsigned.key"),
            "-out", f"{directory}/selfsigned.pem", "-days", "2", "-subj", "/CN=selfsigned",
            "-addext", f"subjectAltName={LOOPBACK}")


def sign(state, directory, name, alt_names, validity):
    base = os.path.join(directory, name)
    with open(base + ".cnf", "w", encoding="utf-8") as f:
        f.write(CONFIG.format(directory=directory, state=state, names=alt_names))
    openssl("req", "-new", *new_key(base + ".key"), "-subj", f"/CN={name}", "-out", base + ".csr")
    openssl("ca", "-batch", "-notext", "-config", base + ".cnf", "-in", base + ".csr",
            "-out", base + ".pem", *validity)


def context(state, name):
    """The TLS context of a server that shows the certificate NAME."""
    base = os.path.join(state, "certs", name)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(base + ".pem", base + ".key")
    made.set_alpn_protocols(["http/1.1"])
    return made
