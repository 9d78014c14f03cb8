"""What a handler raises to end the deliveries of a message."""


class Reject(Exception):
    """A message that no redelivery can help: it is parked at once. The text says why."""


class AlreadyHandled(Exception):
    """An event that an earlier delivery has carried out: this one is acknowledged and changes nothing."""
