use haltline_emitter::MarkShipped;

fn forge() -> MarkShipped<'static> {
    MarkShipped { investigate: true, ..MarkShipped::default() }
}

fn main() {}
