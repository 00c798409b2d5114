//! Whatever arrives is answered: bodies of odd shapes and bytes that are no message, to every operation.

use cognate::api::{DESCRIPTORS, Op};
use cognate::rng::Rng;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use serde_json::{Map, Value, json};

use crate::support::{Credential, Wire, World, raw};

const BODIES_PER_OPERATION: usize = 60;

/// The members that the contract names in an operation's request.
fn members(op: Op) -> Vec<String> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let name = format!("{}Request", op.name());
    let request = files.iter().flat_map(|file| &file.message_type).find(|message| message.name() == name).unwrap();
    request.field.iter().map(|field| field.json_name().to_owned()).collect()
}

/// A value of any kind, some of them where programs go wrong.
fn odd_value(rng: &Rng, depth: usize) -> Value {
    let [kind, size] = rng.bytes();
    let texts =
        ["", " ", "\0", "a", "us-east-1_AbCdEf123", "é\u{301}", "\u{202e}", "+1", "a@b", "USER_AUTH", "{####}", "٣"];
    let numbers = [json!(0), json!(-1), json!(7), json!(1e300), json!(u64::MAX), json!(i64::MIN), json!(0.5)];
    match kind % if depth == 0 { 6 } else { 10 } {
        0 => Value::Null,
        1 => json!(size % 2 == 0),
        2 => numbers[usize::from(size) % numbers.len()].clone(),
        3 => json!("x".repeat(usize::from(size) * 20)),
        4 | 5 => json!(texts[usize::from(size) % texts.len()]),
        6 | 7 => (0..size % 4).map(|_| odd_value(rng, depth - 1)).collect(),
        _ => {
            let names = ["Name", "Value", "USERNAME", "PASSWORD", "PasswordPolicy", "MinimumLength", "", "Feature"];
            let name = |at: u8| names[usize::from(size.wrapping_add(at)) % names.len()].to_owned();
            (0..size % 4).map(|at| (name(at), odd_value(rng, depth - 1))).collect::<Map<_, _>>().into()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_odd_shapes_are_answered_and_none_is_a_fault_of_ours() {
    let (world, rng) = (World::new(Wire::Json).await, Rng::seeded(7));
    let operator = Credential::AccessKey(world.operator.clone());
    for op in Op::ALL {
        let names = members(*op);
        for _ in 0..BODIES_PER_OPERATION {
            let body: Map<String, Value> = names
                .iter()
                .filter(|_| rng.bytes::<1>()[0] < 160)
                .map(|name| (name.clone(), odd_value(&rng, 3)))
                .collect();
            let body = serde_json::to_vec(&body).unwrap();
            let reply = world.post(*op, &operator, body.clone()).await;
            assert!(matches!(reply.status, 200 | 400), "{op:?} {}: {reply:?}", String::from_utf8_lossy(&body));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_message_are_answered_and_none_is_a_fault_of_ours() {
    let (world, rng) = (World::new(Wire::Grpc).await, Rng::seeded(7));
    let operator = Credential::AccessKey(world.operator.clone());
    /// A message of any fields, unread: what a client of another contract might send.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Foreign {
        #[prost(bytes = "vec", tag = "1")]
        first: Vec<u8>,
        #[prost(int64, optional, tag = "2")]
        second: Option<i64>,
        #[prost(bytes = "vec", repeated, tag = "3")]
        third: Vec<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "4")]
        fourth: Option<Vec<u8>>,
    }
    for op in Op::ALL {
        for _ in 0..BODIES_PER_OPERATION {
            let [length, number] = rng.bytes();
            let mut bytes = vec![0; usize::from(length)];
            rng.fill(&mut bytes);
            let message = Foreign {
                first: if number < 128 { b"us-east-1_AbCdEf123".to_vec() } else { bytes.clone() },
                second: (number % 3 == 0).then_some(i64::from(number) - 128),
                third: (0..number % 3).map(|_| bytes.clone()).collect(),
                fourth: (number % 5 == 0).then(|| bytes.clone()),
            };
            let answer = raw::grpc::<_, ()>(&world.address, *op, &operator, message).await;
            let code = answer.err().map_or(tonic::Code::Ok, |status| status.code());
            assert!(
                !matches!(code, tonic::Code::Internal | tonic::Code::Unknown | tonic::Code::Unavailable),
                "{op:?}: {code:?}"
            );
        }
    }
}
