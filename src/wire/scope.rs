//! What a request names, read before it is decoded: the pool, the tags that it would set, and the keys of those that it would
//! take away. The guard decides on these.
//!
//! Where the members stand is the contract's word ([`Op::pool_member`]), not a guess. What cannot be read names nothing;
//! once the caller is known to be allowed that, the decoder tells what is wrong with it.

use std::collections::BTreeMap;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde_json::{Map, Value};

use crate::api::Op;
use crate::domain::ids::pool_of_arn;

/// What a request is about.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub pool: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub tag_keys: Vec<String>,
}

impl Scope {
    /// From the members of a request over the AWS wire.
    pub fn of_members(op: Op, members: &Map<String, Value>) -> Self {
        let member = |place: Option<(u32, &str)>| place.and_then(|(_, name)| members.get(name));
        let pool = member(op.pool_member()).and_then(Value::as_str).and_then(|text| pool_named(op, text));
        let tags = member(op.tags_member()).and_then(Value::as_object).into_iter().flatten();
        let tags = tags.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect();
        let tag_keys = member(op.tag_keys_member()).and_then(Value::as_array).into_iter().flatten();
        let tag_keys = tag_keys.filter_map(|key| Some(key.as_str()?.to_owned())).collect();
        Scope { pool, tags, tag_keys }
    }

    /// From the body of a gRPC request: one uncompressed message behind its five bytes.
    pub fn of_body(op: Op, body: &[u8]) -> Self {
        let Some((&[0, a, b, c, d], message)) = body.split_first_chunk::<5>() else { return Scope::default() };
        match usize::try_from(u32::from_be_bytes([a, b, c, d])) {
            Ok(length) if length == message.len() => Self::of_message(op, message).unwrap_or_default(),
            _ => Scope::default(),
        }
    }

    fn of_message(op: Op, message: &[u8]) -> Option<Self> {
        let mut scope = Scope::default();
        for (number, bytes) in length_delimited(message)? {
            let is = |place: Option<(u32, &str)>| place.is_some_and(|(member, _)| member == number);
            if is(op.pool_member()) {
                // Of a member that is there twice the last one counts, as everywhere in protobuf.
                scope.pool = pool_named(op, std::str::from_utf8(bytes).ok()?);
            } else if is(op.tags_member()) {
                let (name, text) = map_entry(bytes)?;
                scope.tags.insert(name, text);
            } else if is(op.tag_keys_member()) {
                scope.tag_keys.push(std::str::from_utf8(bytes).ok()?.to_owned());
            }
        }
        Some(scope)
    }
}

/// The id of the pool that a member names, by its id or its ARN.
fn pool_named(op: Op, text: &str) -> Option<String> {
    match op.pool_member() {
        Some((_, "ResourceArn")) => pool_of_arn(text).map(str::to_owned),
        _ => Some(text.to_owned()),
    }
}

/// Whether a gRPC request goes on behind its message. The decoder would read the first of several, and overlook the rest.
pub fn goes_on(body: &[u8]) -> bool {
    body.split_first_chunk::<5>().is_some_and(|(&[_, a, b, c, d], message)| {
        usize::try_from(u32::from_be_bytes([a, b, c, d])).is_ok_and(|length| length < message.len())
    })
}

/// A map's entry: the key is its field 1, the value its field 2.
fn map_entry(bytes: &[u8]) -> Option<(String, String)> {
    let (mut name, mut text) = (String::new(), String::new());
    for (number, bytes) in length_delimited(bytes)? {
        match number {
            1 => name = std::str::from_utf8(bytes).ok()?.to_owned(),
            2 => text = std::str::from_utf8(bytes).ok()?.to_owned(),
            _ => {}
        }
    }
    Some((name, text))
}

/// The length-delimited fields of a message (strings, messages, map entries), or nothing if it is none.
fn length_delimited(mut message: &[u8]) -> Option<Vec<(u32, &[u8])>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let (number, kind) = decode_key(&mut message).ok()?;
        if kind != WireType::LengthDelimited {
            skip_field(kind, number, &mut message, DecodeContext::default()).ok()?;
            continue;
        }
        let length = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
        let (bytes, rest) = message.split_at_checked(length)?;
        fields.push((number, bytes));
        message = rest;
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::api;

    fn framed(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], length.as_slice(), message].concat()
    }

    #[test]
    fn both_wires_name_the_same() {
        let request = api::CreateUserPoolRequest {
            pool_name: Some("p".into()),
            user_pool_tags: [("team".to_owned(), "desk".to_owned()), ("empty".to_owned(), String::new())].into(),
            ..Default::default()
        };
        let value = serde_json::to_value(&request).unwrap();
        let by_json = Scope::of_members(Op::CreateUserPool, value.as_object().unwrap());
        let by_grpc = Scope::of_body(Op::CreateUserPool, &framed(&request.encode_to_vec()));
        assert_eq!(by_json, by_grpc);
        assert_eq!(by_json.tags["team"], "desk");

        let request =
            api::AdminGetUserRequest { user_pool_id: Some("us-east-1_A".into()), username: Some("alice".into()) };
        let value = serde_json::to_value(&request).unwrap();
        let by_json = Scope::of_members(Op::AdminGetUser, value.as_object().unwrap());
        let by_grpc = Scope::of_body(Op::AdminGetUser, &framed(&request.encode_to_vec()));
        assert_eq!(by_json, by_grpc);
        assert_eq!(by_json.pool.unwrap(), "us-east-1_A");
    }

    #[test]
    fn a_pool_can_be_named_by_its_arn() {
        let arn = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_A";
        let request = api::UntagResourceRequest {
            resource_arn: Some(arn.into()),
            tag_keys: vec!["team".into(), "stage".into(), "team".into()],
        };
        let value = serde_json::to_value(&request).unwrap();
        let by_json = Scope::of_members(Op::UntagResource, value.as_object().unwrap());
        let by_grpc = Scope::of_body(Op::UntagResource, &framed(&request.encode_to_vec()));
        assert_eq!(by_json, by_grpc);
        assert_eq!((by_json.pool.as_deref(), by_json.tag_keys), (Some("us-east-1_A"), request.tag_keys));

        let request = api::TagResourceRequest {
            resource_arn: Some("us-east-1_A".into()),
            tags: [("team".to_owned(), "desk".to_owned())].into(),
        };
        let value = serde_json::to_value(&request).unwrap();
        let by_json = Scope::of_members(Op::TagResource, value.as_object().unwrap());
        let by_grpc = Scope::of_body(Op::TagResource, &framed(&request.encode_to_vec()));
        assert_eq!(by_json, by_grpc);
        assert_eq!((by_json.pool, by_json.tags["team"].as_str()), (None, "desk"), "an id is no ARN");
    }

    #[test]
    fn the_last_of_two_pools_counts_as_for_the_decoder() {
        let pool = |id: &str| api::DescribeUserPoolRequest { user_pool_id: Some(id.to_owned()) }.encode_to_vec();
        let twice = [pool("us-east-1_A"), pool("us-east-1_B")].concat();
        let decoded = api::DescribeUserPoolRequest::decode(twice.as_slice()).unwrap();
        assert_eq!(Scope::of_body(Op::DescribeUserPool, &framed(&twice)).pool, decoded.user_pool_id);
    }

    #[test]
    fn what_cannot_be_read_names_nothing() {
        let message = api::DescribeUserPoolRequest { user_pool_id: Some("us-east-1_A".into()) }.encode_to_vec();
        let whole = framed(&message);
        for odd in [&whole[..0], &whole[..4], &whole[..whole.len() - 1], &[whole.clone(), vec![0]].concat()] {
            assert_eq!(Scope::of_body(Op::DescribeUserPool, odd), Scope::default());
        }
        assert!(goes_on(&[whole.clone(), vec![0]].concat()));
        assert!(!goes_on(&whole) && !goes_on(&whole[..whole.len() - 1]) && !goes_on(&[]));
        let mut compressed = whole;
        compressed[0] = 1;
        assert_eq!(Scope::of_body(Op::DescribeUserPool, &compressed), Scope::default());
        assert_eq!(Scope::of_body(Op::DescribeUserPool, &framed(&[0x0a, 0x01, 0xff])), Scope::default());
    }
}
