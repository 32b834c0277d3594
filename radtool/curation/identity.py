"""Who is who: identities as they are, or consistent pseudonyms with the key kept apart."""

from __future__ import annotations

import csv
import datetime
import hashlib
import hmac
import io
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from radtool.errors import InputError
from radtool.files import atomic_path

__all__ = ["Identities", "Pseudonyms"]

LARGEST_SHIFT_DAYS = 3650
PRIVATE_COLUMNS = ("description", "institution", "series_number")
"""Free text and hospital names: left out of tables that carry pseudonyms."""


class Identities:
    """Patients, UIDs, dates and file names as the headers say."""

    is_pseudonymous = False

    def patient(self, patient_id: str) -> str:
        """Name of a patient in all outputs."""
        return patient_id

    def uid(self, uid: str) -> str:
        """UID of a series or study in all outputs."""
        return uid

    def date(self, patient_id: str, date: str) -> str:
        """Date (YYYYMMDD) of something of a patient in all outputs."""
        return date

    def files(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """File names in findings."""
        return names

    def words(self, text: str, patient_id: str) -> str:
        """A message, without what gives the patient away."""
        return text

    def columns(self, row: dict[str, object], patient_id: str) -> dict[str, object]:
        """Header columns of a table row."""
        return row


@dataclass
class Pseudonyms(Identities):
    """Consistent pseudonyms from a secret that never leaves the key file.

    The same patient id gives the same pseudonym and the same date shift in every run that uses
    the same key file; without the key nothing leads back (HMAC-SHA-256).

    Parameters
    ----------
    secret : bytes
        32 random bytes.
    known : dict
        Patient id -> pseudonym, filled as patients are met.
    """

    secret: bytes
    known: dict[str, str] = field(default_factory=dict)
    is_pseudonymous = True

    @classmethod
    def at(cls, key_file: Path) -> Pseudonyms:
        """Read the secret of a key file, or make one.

        Raises
        ------
        InputError
            The file is there and is not a key file.
        """
        if not key_file.exists():
            return cls(secrets.token_bytes(32))
        rows = list(csv.reader(io.StringIO(key_file.read_text(encoding="utf-8"))))
        if not rows or rows[0][:1] != ["secret"] or len(rows[0]) < 2:
            raise InputError(f"{key_file}: not a key file of radtool; move it away")
        try:
            secret = bytes.fromhex(rows[0][1])
        except ValueError as error:
            raise InputError(f"{key_file}: its secret is damaged") from error
        return cls(secret, {row[0]: row[1] for row in rows[2:] if len(row) >= 2})

    def save(self, key_file: Path) -> None:
        """Write secret, patient ids, pseudonyms and date shifts, readable by the owner only."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["secret", self.secret.hex(), ""])
        table.writerow(["patient_id", "pseudonym", "days_added_to_dates"])
        for patient_id, pseudonym in sorted(self.known.items()):
            table.writerow([patient_id, pseudonym, self._shift(patient_id)])
        try:
            with atomic_path(key_file, mode=0o600) as part:
                part.write_text(text.getvalue(), encoding="utf-8", newline="\n")
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{key_file}: the key cannot be written ({reason})") from error

    def patient(self, patient_id: str) -> str:
        """Pseudonym of a patient."""
        if patient_id not in self.known:
            self.known[patient_id] = f"P{self._digest('patient', patient_id)[:10].upper()}"
        return self.known[patient_id]

    def uid(self, uid: str) -> str:
        """UID under the root for UUIDs, derived from the secret."""
        if not uid:
            return ""
        return f"2.25.{int(self._digest('uid', uid)[:30], 16)}"

    def date(self, patient_id: str, date: str) -> str:
        """Date moved by the patient's own number of days, so that intervals stay."""
        try:
            day = datetime.datetime.strptime(date[:8], "%Y%m%d")
        except ValueError:
            return ""
        moved = day + datetime.timedelta(days=self._shift(patient_id))
        return moved.strftime("%Y%m%d")

    def files(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Marks instead of names: folders of a hospital carry patient names."""
        return tuple(f"file-{self._digest('file', name)[:8]}" for name in names)

    def words(self, text: str, patient_id: str) -> str:
        """Replace the patient id."""
        return text.replace(patient_id, self.patient(patient_id)) if patient_id else text

    def columns(self, row: dict[str, object], patient_id: str) -> dict[str, object]:
        """Leave out free text and shift dates."""
        kept = {key: value for key, value in row.items() if key not in PRIVATE_COLUMNS}
        if "study_date" in kept:
            kept["study_date"] = self.date(patient_id, str(kept["study_date"]))
        return kept

    def _digest(self, kind: str, value: str) -> str:
        words = f"{kind}|{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, words, hashlib.sha256).hexdigest()

    def _shift(self, patient_id: str) -> int:
        number = int(self._digest("days", patient_id)[:8], 16)
        return -1 - number % LARGEST_SHIFT_DAYS
