"""Everything that can go wrong, drawn as one tree; every class carries its stable wire code.

    ToybackendError                     internal
    ├── Refused                         what a client asked cannot be done; the client is told why
    │   ├── BadJson                     bad_json
    │   ├── UnknownType                 unknown_type
    │   ├── MissingField                missing_field
    │   ├── TooLong                     too_long
    │   ├── UnknownRecipient            unknown_recipient
    │   ├── NotAllowed                  not_allowed
    │   ├── HeaderPending               header_pending
    │   ├── AudioWithoutHeader          audio_without_header
    │   ├── EmptyAudio                  empty_audio
    │   ├── AudioTooLarge               audio_too_large
    │   ├── AudioTooLong                audio_too_long
    │   ├── SizeMismatch                size_mismatch
    │   ├── DigestMismatch              digest_mismatch
    │   ├── BadAudio                    bad_audio
    │   ├── RateLimited                 rate_limited      (retry_after)
    │   ├── Overloaded                  overloaded        (retry_after)
    │   ├── NotAuthenticated            not_authenticated
    │   ├── NotFound                    not_found         (also: not yours)
    │   ├── Gone                        gone
    │   ├── Unlicensed                  unlicensed
    │   ├── AlreadyBound                already_bound
    │   ├── ClaimWrong                  claim_wrong
    │   ├── ClaimExpired                claim_expired
    │   ├── NameTaken                   name_taken
    │   └── Internal                    internal          what a client is told when we failed
    ├── ConverterUnavailable            internal          the tool is sick, the clip may be fine
    └── BadSettings                     bad_settings      the operator is told at start

A `Refused` is somebody's ordinary mistake: it is answered, never logged as ours. Which HTTP status or
close code it becomes is decided in one function per edge (`web/problems.py`, `gateway/closing.py`).
"""

from __future__ import annotations

from typing import ClassVar


class ToybackendError(Exception):
    """Root of the tree."""

    code: ClassVar[str] = "internal"


class Refused(ToybackendError):
    """A client's frame or request was refused. `str(error)` is safe to show to that client."""

    says: ClassVar[str] = "this was refused"

    def __init__(self, message: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(message or self.says)
        #: Seconds after which trying again makes sense; None where waiting does not help.
        self.retry_after = retry_after


class BadJson(Refused):
    code = "bad_json"
    says = "the frame is not a JSON object in UTF-8"


class UnknownType(Refused):
    code = "unknown_type"
    says = "no frame of this type exists"


class MissingField(Refused):
    code = "missing_field"
    says = "a field is missing or of the wrong type"


class TooLong(Refused):
    code = "too_long"
    says = "the text is longer than allowed"


class UnknownRecipient(Refused):
    code = "unknown_recipient"
    says = "there is nobody of this id for you"


class NotAllowed(Refused):
    code = "not_allowed"
    says = "you may not do this"


class HeaderPending(Refused):
    code = "header_pending"
    says = "the header before this one still waited for its audio; both were dropped"


class AudioWithoutHeader(Refused):
    code = "audio_without_header"
    says = "audio came without a header that names its addressee"


class EmptyAudio(Refused):
    code = "empty_audio"
    says = "the audio has no bytes"


class AudioTooLarge(Refused):
    code = "audio_too_large"
    says = "the audio has more bytes than allowed"


class AudioTooLong(Refused):
    code = "audio_too_long"
    says = "the audio lasts longer than allowed"


class SizeMismatch(Refused):
    code = "size_mismatch"
    says = "the audio has not the number of bytes that its header promised"


class DigestMismatch(Refused):
    code = "digest_mismatch"
    says = "the audio has not the SHA-256 that its header promised"


class BadAudio(Refused):
    code = "bad_audio"
    says = "there is no sound in this that we can play"


class RateLimited(Refused):
    code = "rate_limited"
    says = "too many in too short a time"


class Overloaded(Refused):
    code = "overloaded"
    says = "the server cannot take this now"


class NotAuthenticated(Refused):
    code = "not_authenticated"
    says = "a valid token is needed"


class NotFound(Refused):
    code = "not_found"
    says = "there is nothing here for you"


class Gone(Refused):
    code = "gone"
    says = "this has been deleted"


class Unlicensed(Refused):
    code = "unlicensed"
    says = "this toy has no valid licence; please contact the manufacturer"


class AlreadyBound(Refused):
    code = "already_bound"
    says = "this toy has an owner"


class ClaimWrong(Refused):
    code = "claim_wrong"
    says = "no waiting toy shows this code"


class ClaimExpired(Refused):
    code = "claim_expired"
    says = "this code is no longer valid; the toy shows a new one"


class NameTaken(Refused):
    code = "name_taken"
    says = "this name is taken"


class Internal(Refused):
    code = "internal"
    says = "something went wrong on our side"


class ConverterUnavailable(ToybackendError):
    """ffmpeg is missing, hangs or answers nonsense on a clip known to be good: try again later."""


class BadSettings(ToybackendError):
    """A setting is unusable; `str(error)` names it and says what to do."""

    code = "bad_settings"
