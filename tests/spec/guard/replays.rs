//! A captured request that changes something cannot be sent again.

use cognate::api::{self, Access, Op};
use serde_json::json;

use crate::support::http::{self, Reply};
use crate::support::{Credential, Wire, World, policy, raw, refusal};

async fn world() -> World {
    World::new(Wire::Json).await
}

/// A signed request, as somebody on the way could capture it.
struct Captured {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Captured {
    fn new(world: &World, op: Op, body: &serde_json::Value) -> Self {
        Self::by(world, &Credential::AccessKey(world.operator.clone()), op, body)
    }

    fn by(world: &World, credential: &Credential, op: Op, body: &serde_json::Value) -> Self {
        let body = body.to_string().into_bytes();
        let mut headers = vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), format!("AWSCognitoIdentityProviderService.{}", op.name())),
        ];
        headers.extend(raw::aws_headers(&world.address, &headers, &body, credential, world.now(), "us-east-1"));
        Captured { headers, body }
    }

    async fn send(&self, world: &World) -> Reply {
        http::post(&world.address, "/", &self.headers, self.body.clone()).await
    }

    async fn is_refused(&self, world: &World) {
        let expected = "The signature has been used already; sign the request anew.";
        let reply = self.send(world).await;
        assert_eq!(reply.refusal(), refusal("InvalidSignatureException", expected));
        // So that an SDK, whose equal calls within a second have one signature, tries again and signs anew.
        assert_eq!(reply.status, 503);
    }
}

async fn pools(world: &World) -> usize {
    let request = api::ListUserPoolsRequest { max_results: Some(60), ..Default::default() };
    world.call(request).await.unwrap().user_pools.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_carried_out_once() {
    let world = world().await;
    let captured = Captured::new(&world, Op::CreateUserPool, &json!({"PoolName": "once"}));
    assert_eq!(captured.send(&world).await.status, 200);
    captured.is_refused(&world).await;
    assert_eq!(pools(&world).await, 1);
    let again = Captured::new(&world, Op::CreateUserPool, &json!({"PoolName": "twice"}));
    assert_eq!(again.send(&world).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_forgets_no_signature_that_had_an_effect() {
    let world = world().await;
    let captured = Captured::new(&world, Op::CreateUserPool, &json!({"PoolName": "once"}));
    assert_eq!(captured.send(&world).await.status, 200);
    let (old, world) = (world.address.clone(), world.restarted().await);
    // On the way the host stays what was signed.
    let headers = [captured.headers.clone(), vec![("host".to_owned(), old)]].concat();
    let captured = Captured { headers, ..captured };
    captured.is_refused(&world).await;
    assert_eq!(pools(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_no_signature_from_before_counts_and_new_ones_do() {
    let world = world().await;
    let backup = world.back_up().await;
    let captured = Captured::new(&world, Op::CreateUserPool, &json!({"PoolName": "once"}));
    assert_eq!(captured.send(&world).await.status, 200);
    let (old, world) = (world.address.clone(), world.restored(&backup).await);
    let headers = [captured.headers.clone(), vec![("host".to_owned(), old)]].concat();
    Captured { headers, ..captured }.is_refused(&world).await;
    assert_eq!(pools(&world).await, 0, "it is of the time after the backup");
    let again = Captured::new(&world, Op::CreateUserPool, &json!({"PoolName": "again"}));
    assert_eq!(again.send(&world).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_copies_at_once_one_counts() {
    let world = world().await;
    let captured = Captured::new(&world, Op::CreateUserPool, &json!({"PoolName": "once"}));
    let replies = crate::support::at_once((0..8).map(|_| captured.send(&world))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert_eq!(pools(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_failed_is_not_tried_again_by_somebody_else() {
    let world = world().await;
    let body = json!({"UserPoolId": "us-east-1_AbCdEf123", "Username": "alice"});
    let captured = Captured::new(&world, Op::AdminConfirmSignUp, &body);
    assert_eq!(captured.send(&world).await.refusal().exception, "ResourceNotFoundException");
    captured.is_refused(&world).await;
    let desk = Credential::AccessKey(world.principal("desk", &policy("Deny", "*", "*")));
    let denied = Captured::by(&world, &desk, Op::AdminConfirmSignUp, &body);
    assert_eq!(denied.send(&world).await.refusal().exception, "AccessDeniedException");
    denied.is_refused(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_nothing_may_be_asked_again() {
    let world = world().await;
    let captured = Captured::new(&world, Op::ListUserPools, &json!({"MaxResults": 1}));
    for _ in 0..3 {
        assert_eq!(captured.send(&world).await.status, 200);
    }
}

#[test]
fn what_is_called_a_read_is_one() {
    // Policies that allow reads by their names are about operators' operations alone.
    for op in Op::ALL.iter().filter(|op| op.access() == Access::Operator) {
        let name = op.name().trim_start_matches("Admin");
        let is_called_a_read = ["Get", "List", "Describe"].iter().any(|verb| name.starts_with(verb));
        assert_eq!(op.is_read_only(), is_called_a_read, "{}", op.name());
    }
}
