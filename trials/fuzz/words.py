"""What is said to parsers of text, and what may stand there instead."""

from __future__ import annotations

from trials.fuzz import wire
from trials.fuzz.texts import Json

VALUES = (
    *(b'""', b'"\\u0000"', '"«ü»"'.encode(), b"null", b"true", b"false", b"0", b"-1", b"2.0", b"0.5", b"-0.0"),
    *(b"9007199254740993", b"9223372036854775808", b"18446744073709551616", b"1e400", b"1e-400", b"1" * 400),
    *(b"{}", b"[]", b"[1]", b'{"a":1}', b'"' + b"x" * 64 + b'"', b'"' + b"x" * 300 + b'"', b'"\\ud83d\\ude00"'),
    f'"{wire.SECRET}"'.encode(),
)
NOISE = (
    *(
        b'"\\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\n"',
        b'"\\x"',
        b"NaN",
        b"-Infinity",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"nul",
    ),
    *(
        b"[" * 2000,
        b'{"a":' * 300,
        b"[" * 50 + b"]" * 50,
        b"\n",
        b"{",
        b"}",
        b",",
        b":",
        b'"',
        b"\\",
        b"\0",
        b"\xef\xbb\xbf",
    ),
)
"""What is no JSON, or more than anybody needs."""


def strings(words: str) -> tuple[bytes, ...]:
    return tuple(f'"{word}"'.encode() for word in words.split())


FRAME_NAMES = strings("type id token acks to_user to_group msg ref bytes sha256 now")
FRAME_VALUES = (*VALUES, *strings(f"hello ack heard cancel typing t_a g_b m_1 00FF {wire.NOBODY}"))
FRAME = Json(
    FRAME_NAMES, FRAME_VALUES, (*NOISE, *(b"\n" + frame + b"\n!\n" for frame in (b'{"to_user":"t_c"}', b"{}")))
)
SERVER_NAMES = strings(
    "type id name unread max_audio_bytes max_audio_seconds settings from_user from_name to_user to_group url"
    " duration_ms waveform sent_at msg event code until message ref retry_after item_id title volume_cap time_zone"
    " quiet_hours days"
)
SERVER_FRAME = Json(SERVER_NAMES, (*VALUES, *strings("voice text play stop notice failed mon 19:00 24:00")), NOISE)
FRAMES = (
    b'{"type":"hello","token":"abc","acks":false}',
    b'{"type":"ack","id":"m_1"}',
    b'{"type":"heard","id":"y_1"}',
    b'{"type":"cancel"}',
    b'{"to_user":"t_a"}',
    b'{"to_user":"t_b","ref":"r1","bytes":100,"sha256":"00ff","now":true}',
    b'{"to_group":"g_b","bytes":0}',
    f'{{"to_user":"{wire.NOBODY}"}}'.encode(),
    b'{"to_user":"t_a","msg":"good night"}',
    b'{"to_group":"g_b","msg":"\\u00e4\\n"}',
    b'{"type":"typing"}',
    b'{"to_user":7}',
    b'{"to_user":"t_a","to_group":"g_b"}',
    b'{"tu_user":"t_a"}',
    b'{"to_user":"t_a"',
)
SERVER_FRAMES = (
    b'{"type":"welcome","id":"t_a","name":"Bear","unread":2,"max_audio_bytes":1,"max_audio_seconds":1}',
    b'{"type":"voice","id":"m_1","from_user":"p_a","from_name":"Mum","to_user":"t_a","url":"/x","duration_ms":1,'
    b'"waveform":[0,100],"sent_at":"2026-11-21T08:00:00.250Z"}',
    b'{"type":"text","id":"m_1","from_user":"p_a","from_name":"Mum","msg":"hi","sent_at":"x"}',
    b'{"type":"notice","event":"settings","settings":{"volume_cap":80,"daily_limit_minutes":null,"time_zone":"UTC",'
    b'"quiet_hours":[{"days":["mon"],"start":"19:00","end":"07:00"}],"quiet_until":null,"autoplay":true}}',
    b'{"type":"error","code":"bad_json","message":"x","ref":"r","retry_after":3}',
    b'{"type":"play","id":"y_1","item_id":"i_1","title":"Song","url":"/x","duration_ms":60000}',
    b'{"type":"stop"}',
)
HEADERS = (
    b"Host: toys.example:9527\nOrigin: http://toys.example:9527\nCookie: a=b; toybackend_session=abc-DEF_1; c",
    b"Host: [::1]:9528\nAuthorization: Bearer abc.DEF\nAccept-Language: zh-CN,zh;q=0.9,en;q=0.1\nLang: zh-CN",
    b'Host: 10.0.0.1\nX-Forwarded-For: 1.2.3.4, 10.0.0.1, 127.0.0.1\nRange: bytes=0-99\nIf-Range: "abc-1"',
    b"Host: a\nHost: b\nCookie: toybackend_session=a\nCookie: toybackend_session=b\nOrigin: null",
    b"Authorization: bearer  x\nAuthorization: Basic eA==\nIf-Range: Sat, 21 Nov 2026 08:00:00 GMT\nRange: bytes=-5",
)
HEADER_WORDS = (
    *(b"Host", b"Cookie", b"Origin", b"Authorization", b"X-Forwarded-For", b"Range", b"If-Range", b"Accept-Language"),
    *(
        b"Bearer",
        b"bearer",
        b"toybackend_session",
        b"toybackend_session=x",
        b"bytes=",
        b"::1",
        b"127.0.0.1",
        b"[",
        b"]",
    ),
    *(
        b"@",
        b"/",
        b";",
        b",",
        b"=",
        b'"',
        b": ",
        b"\n",
        b"\r",
        b"\0",
        b"\t",
        b"\xff",
        "ü١".encode(),
        b"q=0.5",
        b"*",
        b"%00",
    ),
    *(b"0", b"65536", b"9" * 400, b"9" * 5000, b"::ffff:1.2.3.4", b"2001:db8::1", b"localhost.", b"xn--a", b"a" * 300),
)
FORM_HEAD = b"POST / HTTP/1.1\nHost: a\nContent-Type: multipart/form-data; boundary=xyz\nContent-Length: "
FIELD = b'--xyz\nContent-Disposition: form-data; name="%b"%b\n\n%b\n'


def form(*fields: tuple[bytes, bytes, bytes], end: bytes = b"--xyz--\n") -> bytes:
    body = b"".join(FIELD % field for field in fields) + end
    size = len(body) + body.count(b"\n")  # each becomes two on its way
    return FORM_HEAD + str(size).encode() + b"\n\n" + body


AUDIO = (b"audio", b'; filename="a.amr"\nContent-Type: audio/amr', b"#!AMR" + bytes(40))
TITLE = (b"title", b"", "Märchen".encode())
FORMS = (
    form(TITLE, (b"category", b"", b"story"), (b"shelf", b"", b"own"), AUDIO),
    form((b"cover", b"; filename*=UTF-8''a%20b.png\nContent-Type: image/png", bytes(50)), AUDIO, TITLE),
    form((b"title", b"\nContent-Transfer-Encoding: base64", b"TWFlcmNoZW4="), AUDIO),
    form((b"title", b"\nContent-Type: text/plain; charset=latin-1", b"x"), AUDIO, AUDIO),
    form(TITLE, AUDIO, end=b""),
)
FORM_WORDS = (
    *(
        b"--xyz",
        b"--xyz--",
        b"--xyz\n",
        b"--",
        b"xyz",
        b"boundary=",
        b'boundary=""',
        b"boundary=" + b"x" * 80,
        b"\n\n",
        b"\n",
    ),
    *(b"Content-Disposition", b"Content-Type", b"Content-Length", b"Content-Encoding", b"Content-Transfer-Encoding"),
    *(
        b"multipart/mixed; boundary=abc",
        b"multipart/form-data",
        b"text/plain",
        b"base64",
        b"quoted-printable",
        b"binary",
    ),
    *(
        b"gzip",
        b"deflate",
        b"br",
        b"charset=bogus",
        b"name=title",
        b'name="audio"',
        b"name*=UTF-8''audio",
        b"name*=bogus''a",
    ),
    *(
        b"name*0=ti",
        b"name*1*=tle",
        b"filename*=utf-7''%2B",
        b"form-data",
        b"; ",
        b"=",
        b'"',
        b"%ff",
        b"\xff",
        b"\0",
        b":",
        b"-1",
    ),
    *(b"title", b"category", b"shelf", b"cover", b"=0A", b"====", b"_charset_", b"100-continue", b"Expect", b"chunked"),
    wire.SECRET.encode(),
)
LISTS = (
    b"# old boards\n0123456789abcdef0123456789ABCDEF\n\nffffffffffffffffffffffffffffffff\n",
    b'number,license,remark\r\n1,0123456789abcdef0123456789abcdef,ok\r\n2,"fedcba9876543210fedcba9876543210",\r\n',
    b"\xef\xbb\xbfcode;x\n0123456789abcdef0123456789abcdef;ffffffffffffffffffffffffffffffff\n",
    "code\t\n0123456789abcdef0123456789abcdef\t1\n".encode("utf-16"),
)
LIST_WORDS = (
    *(b"license", b"Key", b",", b";", b"\t", b'"', b'""', b"\n", b"\r", b"#", b"\0", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"0123456789abcdef0123456789abcdef", b"0" * 31, b"0" * 33, b"0" * 3000, b"\x85", "\u2028ǆﬀ".encode()),
    wire.SECRET.encode(),
)
