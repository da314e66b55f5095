"""Everything that can go wrong, drawn as one tree; every class carries its stable wire code.

    ToybackendError                     internal
    ├── Refused                         what a client asked cannot be done; the client is told why
    │   ├── BadJson                     bad_json
    │   ├── UnknownType                 unknown_type
    │   ├── MissingField                missing_field
    │   ├── InvalidValue                invalid_value     it has the right shape, and is nothing we know
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
    │   ├── BadImage                    bad_image
    │   ├── RateLimited                 rate_limited      (retry_after)
    │   ├── Overloaded                  overloaded        (retry_after)
    │   ├── NotAuthenticated            not_authenticated
    │   ├── NotFound                    not_found         (also: not yours)
    │   ├── Gone                        gone
    │   ├── NotReady                    not_ready
    │   ├── Unlicensed                  unlicensed
    │   ├── AlreadyBound                already_bound
    │   ├── ClaimWrong                  claim_wrong
    │   ├── ClaimExpired                claim_expired
    │   ├── NameTaken                   name_taken
    │   ├── WeakPassword                weak_password
    │   ├── InvitationWrong             invitation_wrong
    │   ├── ConsentNeeded               consent_needed
    │   ├── TooMany                     too_many          one more than a setting allows to be kept
    │   ├── Resting                     quiet_hours       held, not lost
    │   └── Internal                    internal          what a client is told when we failed
    ├── ConverterUnavailable            internal          the tool is sick, the clip may be fine
    ├── BadBackup                       bad_backup        a copy that cannot be made, or not be trusted
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


class InvalidValue(Refused):
    code = "invalid_value"
    says = "a field has a value that cannot be used"


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


class BadImage(Refused):
    code = "bad_image"
    says = "this is not a picture that we can show: a JPEG, PNG or WebP of ordinary size"


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


class NotReady(Refused):
    code = "not_ready"
    says = "this is not converted yet, or could not be"


class Unlicensed(Refused):
    code = "unlicensed"
    says = "this toy has no valid licence; please contact the manufacturer"


class AlreadyBound(Refused):
    code = "already_bound"
    says = "this toy has an owner; only they can invite you as a guardian, or let it go"


class ClaimWrong(Refused):
    code = "claim_wrong"
    says = "no toy shows this code; read it from the toy again"


class ClaimExpired(Refused):
    code = "claim_expired"
    says = "this code is too old; use the new one that the toy shows, or ask for a new one"


class NameTaken(Refused):
    code = "name_taken"
    says = "this name is taken"


class WeakPassword(Refused):
    code = "weak_password"
    says = "this password is too short, or one of those that everybody tries first"


class InvitationWrong(Refused):
    code = "invitation_wrong"
    says = "this invitation was never given, was used, or is too old"


class ConsentNeeded(Refused):
    code = "consent_needed"
    says = "a guardian must first agree to what is kept about the child: read GET /consent, then POST it"


class TooMany(Refused):
    code = "too_many"
    says = "there are as many of these as are allowed"


class Resting(Refused):
    code = "quiet_hours"
    says = "the toy is resting; it gets this when its quiet hours end"


class Internal(Refused):
    code = "internal"
    says = "something went wrong on our side"


class ConverterUnavailable(ToybackendError):
    """ffmpeg is missing, hangs or answers nonsense on a clip known to be good: try again later."""


class BadBackup(ToybackendError):
    """A backup cannot be written there, or what is there is damaged or unfinished; `str(error)` says which."""

    code = "bad_backup"


class BadSettings(ToybackendError):
    """A setting is unusable; `str(error)` names it and says what to do."""

    code = "bad_settings"
