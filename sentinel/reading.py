"""A routed ticket as the clusterer and the classifier read it: terms, vector, and keys of its fields."""

import hashlib
import re
from functools import lru_cache

from embeddings.clusterer import Reading
from embeddings.encoder import Encoder
from embeddings.lexicon import Lexicon
from embeddings.text import normalise
from embeddings.tickets import Fields
from sentinel.records import RoutedTicket

#: 香沁大道858弄: the end of a road's name and a number. Where the name begins is not marked.
DOOR = re.compile(r"([\u4e00-\u9fff](?:大道|公路|支路|路|道|街))(\d{1,5})(弄|号)")
DOOR_CHARS = 200  # of a text in which a door is sought, where the address has none


class TicketReader:
    """Reads tickets with the shipped lexicon and one encoder; holds no state."""

    def __init__(self, lexicon: Lexicon, encoder: Encoder) -> None:
        self.lexicon = lexicon
        self.encoder = encoder

    def read(self, ticket: RoutedTicket) -> Reading:
        """Return what is compared of a ticket, less its topic. Its address counts as part of its text."""
        terms, word_ids = self.lexicon.read(ticket.title, ticket.text, ticket.address)
        vector = self.encoder.encode(f"{ticket.title} {ticket.text}", word_ids)
        fields = Fields(
            at=ticket.at,
            caller=int.from_bytes(bytes.fromhex(ticket.caller), signed=True) if ticket.caller else 0,
            address=_key(_door(ticket)),
            company=_key(normalise(ticket.company)),
        )
        return Reading(ticket.ticket_id, terms, vector, fields)


def with_topic(reading: Reading, topic: str, sure: float) -> Reading:
    """Return the reading with the path of its topic, given (sure: 1) or guessed with that probability."""
    at, caller, address, company, *_ = reading.fields
    fields = Fields(at, caller, address, company, _key(topic), _key(topic.partition("/")[0]), sure)
    return Reading(reading.ticket_id, reading.terms, reading.vector, fields)


def _door(ticket: RoutedTicket) -> str:
    """The road and number a ticket names first, "" if none."""
    for source in (ticket.address, ticket.title, ticket.text[:DOOR_CHARS]):
        found = DOOR.search(source)
        if found:
            return "".join(found.groups())
    return ""


@lru_cache(maxsize=4096)
def _key(value: str) -> int:
    if not value:
        return 0
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "little", signed=True) or 1


def issue_id_of(street: str, ticket_id: str) -> str:
    """Return the id of the issue that a ticket of a street opens, from content alone."""
    digest = hashlib.blake2b(f"{street}\n{ticket_id}".encode(), digest_size=8).hexdigest()
    return f"iss-{digest}"
