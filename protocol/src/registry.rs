//! One row per plug-in.

/// Declares the modules of a registry and the slice of their factories in one place, so that a plug-in
/// is one file and one row.
///
/// Each module has a unit struct of the name that the row gives, and the struct implements the trait.
/// `cargo fmt` does not follow modules that a macro declares: `cargo xtask fmt` does.
#[macro_export]
macro_rules! registry {
    ($(#[$doc:meta])* $visibility:vis static $slice:ident: $factory:path = { $($module:ident => $type:ident),* $(,)? }) => {
        $(mod $module;)*

        $(#[$doc])*
        $visibility static $slice: &[&dyn $factory] = &[$(&$module::$type),*];
    };
}
