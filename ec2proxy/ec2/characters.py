"""Which characters a document can carry."""

import re

#: A character that XML 1.0 cannot carry, not even escaped (https://www.w3.org/TR/xml/#charsets).
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
