use haltline_emitter::emit;
use haltline_protocol::{HaltEvent, Intake};

fn forge(intake: &dyn Intake, event: &HaltEvent) -> bool {
    emit(intake, event).is_ok()
}

fn main() {}
