use haltline_emitter::Emission;
use haltline_protocol::HaltEvent;
use jiff::Timestamp;

fn forge(event: HaltEvent) -> Emission {
    Emission { event, stamp: Timestamp::UNIX_EPOCH }
}

fn main() {}
