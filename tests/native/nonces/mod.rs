//! No key and IV twice; and nothing sealed when the source of randomness is broken.

mod broken;
mod flows;
mod records;
mod seen;
