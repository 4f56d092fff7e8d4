//! Who else has a fault: the live drain that holds its events, or an investigation by hand, which holds none.
//!
//! Whoever wants a fault shows it first and looks afterwards: a drain by a claim, an investigation by hand by a copy of
//! the event in its own session. So of two that begin at once at least one sees the other, and whoever does gives way.

use haltline_files::{FileError, Folder};
use haltline_protocol::{DrainId, FaultKey, HaltEvent, Holder};
use rustix::io::Errno;

use crate::looking::{are_in, if_there};
use crate::scan::LARGEST_ROW;
use crate::session_folder::SessionFolder;
use crate::sessions::{BY_HAND, is_locked, sessions};

/// Who has each of the faults, apart from the drain that asks; none where nobody has.
pub(crate) fn holders(
    in_flight: &Folder,
    own: &DrainId,
    faults: &[FaultKey],
) -> Result<Vec<Option<Holder>>, FileError> {
    let mut holders = vec![None; faults.len()];
    for entry in in_flight.names()? {
        if entry.name == own.as_str() || !SessionFolder::is_session(&entry.name) {
            continue;
        }
        let what_it_has = match in_flight.open_child(&entry.name).and_then(|session| look_for(&session, faults)) {
            Ok(what_it_has) => what_it_has,
            // The settle lock stands there too, and a drain may end meanwhile.
            Err(error) if matches!(error.errno(), Errno::NOENT | Errno::NOTDIR) => continue,
            Err(error) => return Err(error),
        };
        if what_it_has.iter().all(Option::is_none) {
            continue;
        }
        let is_live = SessionFolder::is_live(in_flight, &entry.name);
        // One that ended well since takes its folder away before its lock.
        let is_cut_off = !is_live && in_flight.stat(&entry.name).is_ok();
        for (holder, has) in holders.iter_mut().zip(what_it_has) {
            match has {
                Some(_) if is_live => *holder = Some(Holder::Live),
                Some(Has::ByHand) if is_cut_off => *holder = holder.or(Some(Holder::CutOff)),
                Some(_) | None => {}
            }
        }
    }
    Ok(holders)
}

/// The live sessions that have each of the faults. Unlike [`holders`] it makes no lock's file, and asks for each lock as
/// one of many.
pub(crate) fn live_holders(in_flight: &Folder, faults: &[FaultKey]) -> Result<Vec<Option<Holder>>, FileError> {
    let mut holders = vec![None; faults.len()];
    for (_, session) in sessions(in_flight)?.iter().filter(|(_, session)| is_locked(session)) {
        let Some(what_it_has) = if_there(look_for(session, faults))? else { continue };
        for (holder, has) in holders.iter_mut().zip(what_it_has) {
            *holder = holder.or(has.map(|_| Holder::Live));
        }
    }
    Ok(holders)
}

/// What a session has of a fault.
enum Has {
    Events,
    ByHand,
}

fn look_for(session: &Folder, faults: &[FaultKey]) -> Result<Vec<Option<Has>>, FileError> {
    let by_hand = session.read(BY_HAND, LARGEST_ROW)?.and_then(|row| HaltEvent::parse(&row).ok());
    let by_hand = by_hand.map(|event| event.key());
    let are_in = are_in(session, faults)?;
    let has = |(fault, is_in): (&FaultKey, bool)| {
        if by_hand.as_ref() == Some(fault) { Some(Has::ByHand) } else { is_in.then_some(Has::Events) }
    };
    Ok(faults.iter().zip(are_in).map(has).collect())
}
