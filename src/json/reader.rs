//! Reads types out of trees.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::EXACTLY;
use super::value::{Text, Value};

/// A value does not fit its type. Says the innermost member in question, if it is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Misfit(Option<&'static &'static str>);

impl Misfit {
    fn at(self, name: &'static &'static str) -> Self {
        Self(self.0.or(Some(name)))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("check it"),
            Some(name) => {
                f.write_str("check `")?;
                f.write_str(name)?;
                f.write_str("`")
            }
        }
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::default()
    }

    fn invalid_type(_: serde::de::Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Self::default()
    }

    fn invalid_value(_: serde::de::Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Self::default()
    }

    fn invalid_length(_: usize, _: &dyn serde::de::Expected) -> Self {
        Self::default()
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::default()
    }
}

impl serde::ser::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::default()
    }
}

/// Reads a value.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value<'_>) -> Result<T, Misfit> {
    T::deserialize(Reader {
        value: Some(value),
        exact: false,
    })
}

/// Reads a value, or what is missing.
#[derive(Clone, Copy)]
struct Reader<'v> {
    value: Option<&'v Value<'v>>,
    exact: bool,
}

impl<'v> Reader<'v> {
    /// The members of a struct, in its order.
    fn members(self, names: &'static [&'static str]) -> Result<Members<'v>, Misfit> {
        match self.value {
            Some(Value::Object(members)) if !self.exact || has_only(members, names) => {
                Ok(Members {
                    members,
                    names: names.iter(),
                    exact: self.exact,
                })
            }
            _ => Err(Misfit(None)),
        }
    }

    fn items(self) -> Result<Items<'v>, Misfit> {
        match self.value {
            Some(Value::List(items)) => Ok(Items {
                items: items.iter(),
                exact: self.exact,
            }),
            _ => Err(Misfit(None)),
        }
    }

    // Not generic, and not copied into what is.
    #[inline(never)]
    fn text(self) -> Result<String, Misfit> {
        match self.value {
            Some(Value::Text(text)) => Ok((**text).to_owned()),
            _ => Err(Misfit(None)),
        }
    }

    #[inline(never)]
    fn number(self) -> Result<Number, Misfit> {
        match self.value {
            Some(Value::Natural(value)) => Ok(Number::Natural(*value)),
            Some(Value::Negative(value)) => Ok(Number::Negative(*value)),
            _ => Err(Misfit(None)),
        }
    }

    fn is_nothing(self) -> bool {
        matches!(self.value, None | Some(Value::Null))
    }

    /// The variant of an enum that is named.
    #[inline(never)]
    fn variant(self, names: &[&str]) -> Result<Variant, Misfit> {
        let text = self.text()?;
        let found = names.iter().position(|name| *name == text);
        found.map(Variant).ok_or(Misfit(None))
    }
}

enum Number {
    Natural(u64),
    Negative(i64),
}

/// A number, if the type is one.
macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            match self.number()? {
                Number::Natural(value) => visitor.visit_u64(value),
                Number::Negative(value) => visitor.visit_i64(value),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Misfit> {
        // No type here is read without saying what it is.
        Err(Misfit(None))
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.value {
            Some(Value::Bool(value)) => visitor.visit_bool(*value),
            _ => Err(Misfit(None)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.is_nothing() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let items = self.items()?;
        if items.items.len() == length {
            visitor.visit_seq(items)
        } else {
            Err(Misfit(None))
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_seq(self.members(names)?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_enum(self.variant(names)?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.exact |= name == EXACTLY;
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple_struct map identifier ignored_any
    }
}

struct Members<'v> {
    members: &'v [(Text<'v>, Value<'v>)],
    names: std::slice::Iter<'static, &'static str>,
    exact: bool,
}

impl<'v> Members<'v> {
    /// The next member that the struct names.
    fn next(&mut self) -> Result<(&'static &'static str, Reader<'v>), Misfit> {
        let name = self.names.next().ok_or(Misfit(None))?;
        let value = member(self.members, name).map_err(|misfit| misfit.at(name))?;
        let exact = self.exact;
        Ok((name, Reader { value, exact }))
    }

    fn read<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let (name, reader) = self.next()?;
        seed.deserialize(reader).map_err(|misfit| misfit.at(name))
    }
}

impl<'de> SeqAccess<'de> for Members<'_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        self.read(seed).map(Some)
    }

    /// serde asks as often as the struct has names. Where this is inlined, there is no code for a list that ends early.
    #[inline(always)]
    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Misfit> {
        self.read(PhantomData).map(Some)
    }
}

/// The member of this name, if there is one.
fn member<'v>(
    members: &'v [(Text<'_>, Value<'v>)],
    name: &str,
) -> Result<Option<&'v Value<'v>>, Misfit> {
    let mut found = members.iter().filter(|(other, _)| **other == *name);
    match (found.next(), found.next()) {
        (found, None) => Ok(found.map(|(_, value)| value)),
        _ => Err(Misfit(None)),
    }
}

/// Whether there is no member but these.
fn has_only(members: &[(Text<'_>, Value<'_>)], names: &[&str]) -> bool {
    members.iter().all(|(name, _)| names.contains(&&**name))
}

struct Items<'v> {
    items: std::slice::Iter<'v, Value<'v>>,
    exact: bool,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        let Some(value) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader {
            value: Some(value),
            exact: self.exact,
        })
        .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// A variant of an enum, by its position.
struct Variant(usize);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Misfit;
    type Variant = Unit;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Unit), Misfit> {
        Ok((seed.deserialize(self)?, Unit))
    }
}

impl<'de> Deserializer<'de> for Variant {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_u64(self.0 as u64)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The variants here hold nothing.
struct Unit;

impl<'de> VariantAccess<'de> for Unit {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Misfit> {
        Err(Misfit(None))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit(None))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Misfit> {
        Err(Misfit(None))
    }
}
