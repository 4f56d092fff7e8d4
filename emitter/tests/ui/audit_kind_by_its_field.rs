use haltline_emitter::FaultKind;
use haltline_protocol::Kind;

fn forge() -> FaultKind {
    FaultKind(Kind::new("MANUAL_RECOVERY_INVOKED"))
}

fn main() {}
