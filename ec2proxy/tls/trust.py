"""Whom a backend is believed to be: its certificate has to be for its host name, from an authority that is trusted."""

from cryptography import x509
from OpenSSL import crypto
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import BrowserLikePolicyForHTTPS, HostnameCachingHTTPSPolicy
from twisted.web.iweb import IPolicyForHTTPS


class TrustError(ValueError):
    """A file of authorities cannot be used; the message is one line that says why."""


def policy(authorities: str | None) -> IPolicyForHTTPS:
    """What is asked of https servers. Certificates that were read are kept: reading them would cost each connection.

    :param authorities: a PEM file with the certificates of the authorities that are trusted, instead of the system's;
        None for the system's.
    :raises TrustError: the file cannot be read, or has no certificate in it.
    """
    if authorities is None:
        return HostnameCachingHTTPSPolicy(BrowserLikePolicyForHTTPS())
    try:
        with open(authorities, "rb") as stream:
            found = x509.load_pem_x509_certificates(stream.read())
    except OSError as error:
        raise TrustError(f"{authorities}: {error.strerror}") from None
    except ValueError:
        raise TrustError(f"{authorities}: there is no PEM certificate in it") from None
    roots = trustRootFromCertificates([Certificate(crypto.X509.from_cryptography(one)) for one in found])
    return HostnameCachingHTTPSPolicy(BrowserLikePolicyForHTTPS(roots))
