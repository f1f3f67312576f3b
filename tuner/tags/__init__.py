"""Tags of sound files: what a file says of its music, carried over into a coded one.

One model (`Tags`) between the four kinds of tags that files hold: ID3 (MP3, MP2, WAV, AIFF),
Vorbis comments (FLAC, Ogg), the items of MPEG-4 files, and APEv2 (Musepack, WavPack, Monkey's
Audio). mutagen reads and writes them, in place: coded packets are never touched.
"""

from tuner.tags.files import read_tags, write_tags
from tuner.tags.model import Chapter, Gains, Picture, Tags

__all__ = ["Chapter", "Gains", "Picture", "Tags", "read_tags", "write_tags"]
