//! Makes trees of types.

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer,
};
use zeroize::Zeroizing;

use super::reader::Misfit;
use super::value::{Text, Value};

/// The tree of a value.
pub(crate) fn to_value(value: &impl Serialize) -> Result<Value<'static>, Misfit> {
    value.serialize(Writer)
}

struct Writer;

type Made = Result<Value<'static>, Misfit>;

/// Kinds of values that no type here has.
macro_rules! refused {
    ($($method:ident($($argument:ty),*))*) => {$(
        fn $method(self, $(_: $argument),*) -> Made {
            Err(Misfit::default())
        }
    )*};
}

impl Serializer for Writer {
    type Ok = Value<'static>;
    type Error = Misfit;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = Impossible<Value<'static>, Misfit>;
    type SerializeTupleVariant = Impossible<Value<'static>, Misfit>;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Impossible<Value<'static>, Misfit>;

    refused! {
        serialize_f32(f32) serialize_f64(f64) serialize_char(char) serialize_bytes(&[u8]) serialize_unit_struct(&'static str)
    }

    fn serialize_bool(self, value: bool) -> Made {
        Ok(Value::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Made {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Made {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Made {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Made {
        Ok(u64::try_from(value).map_or(Value::Negative(value), Value::Natural))
    }

    fn serialize_u8(self, value: u8) -> Made {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Made {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Made {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Made {
        Ok(Value::Natural(value))
    }

    fn serialize_str(self, text: &str) -> Made {
        Ok(Value::Text(Text::Owned(Zeroizing::new(text.to_owned()))))
    }

    fn serialize_unit(self) -> Made {
        Ok(Value::Null)
    }

    fn serialize_none(self) -> Made {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Made {
        Ok(Value::Text(Text::Borrowed(name)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Made {
        Err(Misfit::default())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<List, Misfit> {
        Ok(List(Ok(Vec::with_capacity(length.unwrap_or(0)))))
    }

    fn serialize_tuple(self, length: usize) -> Result<List, Misfit> {
        Ok(List(Ok(Vec::with_capacity(length))))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Misfit> {
        Err(Misfit::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Misfit> {
        Err(Misfit::default())
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Members, Misfit> {
        Ok(Members::new(length.unwrap_or(0)))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Members, Misfit> {
        Ok(Members::new(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Misfit> {
        Err(Misfit::default())
    }
}

/// A list, or why it cannot be one. That is said at its end, so that no item needs code for it.
struct List(Result<Vec<Value<'static>>, Misfit>);

impl List {
    fn push(&mut self, value: Made) {
        match (&mut self.0, value) {
            (Ok(items), Ok(value)) => items.push(value),
            (Ok(_), Err(misfit)) => self.0 = Err(misfit),
            (Err(_), _) => {}
        }
    }
}

impl SerializeSeq for List {
    type Ok = Value<'static>;
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.push(value.serialize(Writer));
        Ok(())
    }

    fn end(self) -> Made {
        self.0.map(Value::List)
    }
}

impl SerializeTuple for List {
    type Ok = Value<'static>;
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Made {
        self.0.map(Value::List)
    }
}

/// An object, or why it cannot be one, as in a [`List`].
struct Members {
    members: Result<Vec<(Text<'static>, Value<'static>)>, Misfit>,
    key: Option<Text<'static>>,
}

impl Members {
    fn new(length: usize) -> Self {
        Self {
            members: Ok(Vec::with_capacity(length)),
            key: None,
        }
    }

    fn push(&mut self, name: Text<'static>, value: Made) {
        match (&mut self.members, value) {
            (Ok(members), Ok(value)) => members.push((name, value)),
            (Ok(_), Err(misfit)) => self.members = Err(misfit),
            (Err(_), _) => {}
        }
    }

    #[inline(never)]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.push(Text::Borrowed(name), value.serialize(Writer));
    }
}

impl SerializeStruct for Members {
    type Ok = Value<'static>;
    type Error = Misfit;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Misfit> {
        self.field(name, value);
        Ok(())
    }

    fn end(self) -> Made {
        self.members.map(Value::Object)
    }
}

/// Structs that take the members of another into their own are written so.
impl SerializeMap for Members {
    type Ok = Value<'static>;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Misfit> {
        match name.serialize(Writer)? {
            Value::Text(name) => {
                self.key = Some(name);
                Ok(())
            }
            _ => Err(Misfit::default()),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        let name = self.key.take().ok_or_else(Misfit::default)?;
        self.push(name, value.serialize(Writer));
        Ok(())
    }

    fn end(self) -> Made {
        self.members.map(Value::Object)
    }
}
