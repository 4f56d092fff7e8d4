//! Who is connected to whom.

mod by_hand;
mod drain;
mod error;
mod open;
mod parts;
mod upgrade;

pub use by_hand::{ByHand, Filed};
pub use drain::Drained;
pub use error::PipelineError;
pub use open::open_emitter;
pub use parts::Pipeline;
pub use upgrade::upgrade;
