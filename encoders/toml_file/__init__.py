"""An adapter from a TOML file: an encoder without Python.

The file declares what an adapter's class declares, and commands as lists of words, never
seen by a shell. `docs/adapters.md` has a complete one. Keys::

    name, suffix                       as in `encoders.command.BinaryEncoder`
    encode                             the command: program first, then words
    quiet                              options of the tuner's own encodes, not shown to users
    version_arguments, version_pattern how it tells its version; default --version, first line
    decode                             a command that writes a WAV file; default: ffmpeg's libraries
    payload                            "packets" (default), or "file" for formats unknown to ffmpeg
    header_bytes                       with payload = "file": bytes that are not payload
    install                            what to do when the program is missing
    channels                           1 or 2 where the codec takes nothing else; default: both
    sample_rates_hz                    that the program takes; other sources are resampled to the
                                       next higher one, or the highest; default: any
    source_bits                        of the WAV file that the program reads, 16 or 24 (default)
    config                             name of a configuration file that the program reads
    libraries, noted                   as in `encoders.command.BinaryEncoder`
    ignored                            likewise; ``{usual}`` in it stands for the usual complaints
    version_mark, noted_mark           likewise; patterns in the bytes of an encoded file
    [[rate_modes]]                     the fields of `tuner.encoder.RateMode`, and `options`
    [[parameters]]                     the fields of `tuner.encoder.Parameter`, and `options`

In `encode` the word ``{rate}`` stands for the rate mode's options and ``{options}`` for those
of the parameters; ``{source}`` and ``{target}`` for the files. In options ``{knob}`` and
``{value}`` stand for numbers and texts, with a format where one is wanted (``{knob:.2f}``), and
``{knob_bps}`` for a bitrate in bits a second. `options` are a list, or a table from each value to
its list, in which the key `tuner.encoder.NUMBER` stands for any number. A parameter's are left out
at the default, unless `always = true`.

A parameter may also reach the program by its environment, ``env = { NAME = "{value}" }``, or by
lines of the configuration file, ``file = ["name = {value}"]``. That file lies in the folder in
which the program runs; ``{config}`` stands for its name in `encode`.

A program with a slash in its name is looked up from the file's folder; ``ffmpeg`` is the one
that came along, unless `encoders.ffmpeg.BINARY_VARIABLE` names another.
"""

from encoders.toml_file.adapter import TomlEncoder, load

__all__ = ["TomlEncoder", "load"]
