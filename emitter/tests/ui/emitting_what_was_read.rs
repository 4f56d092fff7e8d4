use haltline_emitter::emit;
use haltline_protocol::HaltEvent;
use haltline_spool::Inlet;

fn forge(inlet: &Inlet, event: &HaltEvent) -> bool {
    emit(inlet, event).is_ok()
}

fn main() {}
