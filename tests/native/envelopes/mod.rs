//! Every record against every change that somebody without the key, or with it, could make.

mod case;
mod kind;

mod changed;
mod files;
mod forms;
mod insides;
mod key_formats;
mod publication;
mod secrecy;
mod sizes;
