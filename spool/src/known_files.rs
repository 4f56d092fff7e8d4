//! What belongs into a home on the part of the queue.

/// The files and folders of the queue, as [patterns](haltline_protocol::pattern_has_file) of paths from the home, which
/// end in `/` for a folder that is not looked into.
pub const KNOWN_FILES: &[&str] = &[
    "skill-faults/STOP",
    "skill-faults/.redaction-key",
    "skill-faults/pending-investigations/*.json",
    "skill-faults/processed/*.json",
    "skill-faults/dead-letter/*.json",
    "skill-faults/quarantine/*",
    "skill-faults/in-flight/settle.lock",
    "skill-faults/in-flight/*/lock",
    "skill-faults/in-flight/*/journal",
    "skill-faults/in-flight/*/by-hand",
    "skill-faults/in-flight/*/lead-*",
    "skill-faults/in-flight/*/*.json",
    "skill-faults/in-flight/*/attempts/",
];
