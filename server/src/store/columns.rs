//! Reading rows by the names of their columns, and columns of text into the types that travel.

use sqlx::any::{AnyRow, AnyTypeInfo, AnyValueRef};
use sqlx::error::BoxDynError;
use sqlx::{Any, Decode, FromRow, Type};

use crate::http::values::{Bytes, Envelope, Id};

/// A struct whose fields bear the names of the columns that it is read from. [`from_columns!`] implements it.
pub(crate) trait Columns: for<'r> FromRow<'r, AnyRow> + Send + Unpin {
    /// The names, as they stand between `SELECT` and `FROM`.
    const COLUMNS: &'static str;
}

/// Reads a struct from a row, each field from the column of its name: a struct that is defined here, or one that is
/// defined elsewhere, of which all fields are named. It stands in for `derive(sqlx::FromRow)`, whose
/// feature compiles SQLite, both drivers and their runtime a second time.
macro_rules! from_columns {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $row:ident {
            $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visibility struct $row {
            $($(#[$field_attribute])* $field_visibility $field: $type),+
        }

        from_columns!($row { $($field),+ });
    };
    ($row:ident { $first:ident $(, $field:ident)* $(,)? }) => {
        impl<'r> sqlx::FromRow<'r, sqlx::any::AnyRow> for $row {
            fn from_row(row: &'r sqlx::any::AnyRow) -> std::result::Result<Self, sqlx::Error> {
                Ok(Self {
                    $first: sqlx::Row::try_get(row, stringify!($first))?,
                    $($field: sqlx::Row::try_get(row, stringify!($field))?,)*
                })
            }
        }

        impl $crate::store::columns::Columns for $row {
            const COLUMNS: &'static str =
                concat!(stringify!($first) $(, ", ", stringify!($field))*);
        }
    };
}
pub(crate) use from_columns;

/// The type of a column of text, for types that are read from one.
pub(crate) fn text() -> AnyTypeInfo {
    <String as Type<Any>>::type_info()
}

impl Type<Any> for Id {
    fn type_info() -> AnyTypeInfo {
        text()
    }
}

impl<'r> Decode<'r, Any> for Id {
    fn decode(value: AnyValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self::stored(Decode::<Any>::decode(value)?))
    }
}

impl<const PARTS: usize> Type<Any> for Envelope<PARTS> {
    fn type_info() -> AnyTypeInfo {
        text()
    }
}

impl<'r, const PARTS: usize> Decode<'r, Any> for Envelope<PARTS> {
    fn decode(value: AnyValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self::stored(Decode::<Any>::decode(value)?))
    }
}

impl<const N: usize> Type<Any> for Bytes<N> {
    fn type_info() -> AnyTypeInfo {
        text()
    }
}

impl<'r, const N: usize> Decode<'r, Any> for Bytes<N> {
    fn decode(value: AnyValueRef<'r>) -> Result<Self, BoxDynError> {
        let text: &str = Decode::<Any>::decode(value)?;
        Ok(Self::try_from(std::borrow::Cow::from(text))?)
    }
}
