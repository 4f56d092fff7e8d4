use haltline_emitter::Emission;
use haltline_protocol::{Investigate, Kind};

fn forge(mut emission: Emission) -> Emission {
    emission.event.kind = Kind::new("MANUAL_RECOVERY_INVOKED");
    emission.event().investigate = Investigate::Other;
    emission
}

fn main() {}
