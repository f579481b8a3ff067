"""TLS: the certificate that clients are shown, and whom a backend is believed to be."""
