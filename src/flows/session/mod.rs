//! A signed-in person's session: its lock, its events, what it keeps and tells.

mod live;
mod lock;
mod login;
mod persist;
mod progress;
mod steps;

pub(in crate::flows) use live::Live;
pub use live::Subscription;
pub use login::Login;
pub(in crate::flows) use login::check_email;
pub(in crate::flows) use persist::Watcher;
pub use persist::{Change, Kept, Plain};
pub use progress::Progress;
pub use steps::{Step, Steps};
