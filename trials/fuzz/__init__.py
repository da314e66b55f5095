"""Strangers' bytes, made wrong on purpose: at the parsers by the million, at the whole conversion by the thousand.

parsers.py    the run over all parsers; starts one process for each           `python -m trials.fuzz.parsers`
worker.py     one parser in a process of its own, steered by coverage
media.py      the run of mutated recordings through the transcoder            `python -m trials.fuzz.media`

targets.py    every parser, with what it is fed
sound.py      what must be true of sniffing, AMR, MP4 and MPEG audio   ┐
wire.py       … of frames, uploads, headers, bodies and licences       │ oracles
listener.py   whose the next blob is, worked out without our code      │
converted.py  … of a conversion, its folder, its children              ┘
seeds.py      what mutation starts from: our clips, the corpus, hostile files, what a grammar makes
mutation.py   pieces of a file damaged, dropped, doubled, joined
shapes.py     where a kind of file comes apart, and which checksums it has
texts.py      the same for headers and JSON
words.py      what is said in frames, headers, forms and lists, and what may stand there instead
judging.py    one execution held to its oracle, its time and its memory; findings
"""
