//! Reads types out of trees.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::EXACTLY;

/// A value does not fit its type. Says the innermost member in question, if it is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Misfit(Option<&'static str>);

impl Misfit {
    fn at(self, name: &'static str) -> Self {
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

/// The kind of a node, with its value if it is a plain one.
pub(crate) enum Shape<'a> {
    Null,
    Bool(bool),
    Natural(u64),
    Negative(i64),
    #[cfg_attr(
        not(all(feature = "browser", target_arch = "wasm32")),
        allow(dead_code, reason = "only JavaScript says so")
    )]
    Float(f64),
    Text(&'a str),
    #[cfg_attr(
        not(all(feature = "browser", target_arch = "wasm32")),
        allow(dead_code, reason = "only JavaScript says so")
    )]
    OwnText(String),
    /// A list of so many items.
    List(usize),
    Object,
    /// A value that no type wants.
    Other,
}

/// A value of some format. What is missing is no node.
pub(crate) trait Node {
    /// Its kind.
    fn shape(&self) -> Shape<'_>;
    /// An item of a list.
    fn item(&self, index: usize) -> Option<Box<dyn Node + '_>>;
    /// A member of an object.
    fn member(&self, name: &str) -> Result<Option<Box<dyn Node + '_>>, Misfit>;
    /// Whether an object has no member but these.
    fn has_only(&self, names: &[&str]) -> bool;
}

impl<N: Node> Node for &N {
    fn shape(&self) -> Shape<'_> {
        (**self).shape()
    }

    fn item(&self, index: usize) -> Option<Box<dyn Node + '_>> {
        (**self).item(index)
    }

    fn member(&self, name: &str) -> Result<Option<Box<dyn Node + '_>>, Misfit> {
        (**self).member(name)
    }

    fn has_only(&self, names: &[&str]) -> bool {
        (**self).has_only(names)
    }
}

/// Reads a value.
pub(crate) fn from_node<T: DeserializeOwned>(node: &dyn Node) -> Result<T, Misfit> {
    T::deserialize(Reader {
        node: Some(node),
        exact: false,
    })
}

#[derive(Clone, Copy)]
struct Reader<'n> {
    node: Option<&'n dyn Node>,
    exact: bool,
}

impl<'n> Reader<'n> {
    fn shape(self) -> Shape<'n> {
        self.node.map_or(Shape::Other, Node::shape)
    }

    /// The members of a struct, in its order.
    fn members(self, names: &'static [&'static str]) -> Result<Members<'n>, Misfit> {
        let node = self.node.ok_or(Misfit(None))?;
        let fits = matches!(node.shape(), Shape::Object) && (!self.exact || node.has_only(names));
        if fits {
            Ok(Members {
                node,
                names: names.iter(),
                exact: self.exact,
            })
        } else {
            Err(Misfit(None))
        }
    }

    fn items(self) -> Result<Items<'n>, Misfit> {
        match (self.node, self.shape()) {
            (Some(node), Shape::List(length)) => Ok(Items {
                node,
                next: 0,
                length,
                exact: self.exact,
            }),
            _ => Err(Misfit(None)),
        }
    }

    // Not generic, and not copied into what is.
    #[inline(never)]
    fn text(self) -> Result<String, Misfit> {
        match self.shape() {
            Shape::Text(text) => Ok(text.to_owned()),
            Shape::OwnText(text) => Ok(text),
            _ => Err(Misfit(None)),
        }
    }

    #[inline(never)]
    fn number(self) -> Result<Number, Misfit> {
        match self.shape() {
            Shape::Natural(value) => Ok(Number::Natural(value)),
            Shape::Negative(value) => Ok(Number::Negative(value)),
            Shape::Float(value) => Ok(Number::Float(value)),
            _ => Err(Misfit(None)),
        }
    }

    #[inline(never)]
    fn is_nothing(self) -> bool {
        matches!(self.node.map(Node::shape), None | Some(Shape::Null))
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
    Float(f64),
}

/// A number, if the type is one.
macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            match self.number()? {
                Number::Natural(value) => visitor.visit_u64(value),
                Number::Negative(value) => visitor.visit_i64(value),
                Number::Float(value) => visitor.visit_f64(value),
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
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.shape() {
            Shape::Bool(value) => visitor.visit_bool(value),
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
        if items.length == length {
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
        i128 u128 char str bytes byte_buf unit unit_struct tuple_struct map identifier ignored_any
    }
}

struct Members<'n> {
    node: &'n dyn Node,
    names: std::slice::Iter<'static, &'static str>,
    exact: bool,
}

impl<'n> Members<'n> {
    #[allow(
        clippy::type_complexity,
        reason = "a member, its name, and whether there is one"
    )]
    fn next(&mut self) -> Result<Option<(&'static str, Option<Box<dyn Node + 'n>>)>, Misfit> {
        let Some(name) = self.names.next() else {
            return Ok(None);
        };
        let node = self.node.member(name).map_err(|misfit| misfit.at(name))?;
        Ok(Some((name, node)))
    }
}

impl<'de> SeqAccess<'de> for Members<'_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        let Some((name, node)) = self.next()? else {
            return Ok(None);
        };
        let reader = Reader {
            node: node.as_deref(),
            exact: self.exact,
        };
        match seed.deserialize(reader) {
            Ok(value) => Ok(Some(value)),
            Err(misfit) => Err(misfit.at(name)),
        }
    }
}

struct Items<'n> {
    node: &'n dyn Node,
    next: usize,
    length: usize,
    exact: bool,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        if self.next == self.length {
            return Ok(None);
        }
        let node = self.node.item(self.next);
        self.next += 1;
        seed.deserialize(Reader {
            node: node.as_deref(),
            exact: self.exact,
        })
        .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.length - self.next)
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
