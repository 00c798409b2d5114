//! What no client writes: whoever a user is, and what was proved of them. Every way by which a user gives attributes is tried
//! with every name that is protected.

use cognate::api::{self, Access, DESCRIPTORS, Op, attribute_data};
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet};

use super::{delete, invalid, not_theirs_to_write, signed_in, unknown_user, update};
use crate::spec;
use crate::support::fixtures::{TestClient, attribute};
use crate::support::{Refusal, World};

/// Protected: the service's own word, groups, what cannot change, and what the client may not write.
const PROTECTED: [(&str, &str); 7] = [
    ("sub", "00000000-0000-4000-8000-000000000000"),
    ("email_verified", "true"),
    ("phone_number_verified", "true"),
    ("cognito:groups", "admins"),
    ("custom:badge", "7"),
    ("custom:salary", "7"),
    ("nickname", "Al"),
];

/// What the client may write.
const WRITABLE: [&str; 3] = ["email", "phone_number", "name"];

/// The ways by which users give attributes: each tries to write one, beside one that is allowed.
const WAYS: [(&str, Way); 3] = [
    ("SignUp", |world, client, _, name, value| {
        Box::pin(async move {
            let mut request = world.sign_up_request(client, "bob");
            request.user_attributes.extend([attribute("name", "Bob"), attribute(name, value)]);
            world.call(request).await.map(|_| ())
        })
    }),
    ("UpdateUserAttributes", |world, _, token, name, value| {
        Box::pin(async move { update(world, token, &[("name", "Al"), (name, value)]).await.map(|_| ()) })
    }),
    ("DeleteUserAttributes", |world, _, token, name, _| {
        Box::pin(async move { delete(world, token, &["name", name]).await })
    }),
];

type Tried<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;
type Way = for<'a> fn(&'a World, &'a TestClient, &'a str, &'a str, &'a str) -> Tried<'a>;

/// A client of a pool with custom attributes, which it may not write.
async fn restricted_client(world: &World) -> TestClient {
    let custom = |name: &str, mutable| api::SchemaAttribute {
        name: Some(name.to_owned()),
        attribute_data_type: Some(attribute_data::Value::String.into()),
        mutable: Some(mutable),
        ..Default::default()
    };
    let pool = world.pool(|request| request.schema = vec![custom("badge", false), custom("salary", true)]).await;
    world.client(&pool, |request| request.write_attributes = WRITABLE.map(str::to_owned).to_vec()).await
}

spec! {
    async fn no_way_leads_to_what_is_protected(world: World) {
        let client = restricted_client(&world).await;
        let token = signed_in(&world, &client, "alice").await;
        let given = [("name", "Alice"), ("nickname", "Ally"), ("custom:salary", "3"), ("phone_number", "+15555550100")];
        world.update_attributes(&client.pool, "alice", &given).await.unwrap();
        let before = world.admin_get_user(&client.pool, "alice").await.unwrap();
        for (way, tries) in WAYS {
            for (name, value) in PROTECTED {
                for value in [value, ""] {
                    let tried = tries(&world, &client, &token, name, value).await;
                    assert_eq!(tried, Err(not_theirs_to_write()), "{way} {name}");
                }
            }
        }
        assert_eq!(world.admin_get_user(&client.pool, "alice").await.unwrap(), before);
        assert_eq!(world.admin_get_user(&client.pool, "bob").await, Err(unknown_user()));
        // Each way is open but for that.
        for (way, tries) in WAYS {
            assert_eq!(tries(&world, &client, &token, "phone_number", "+15555550100").await, Ok(()), "{way}");
        }
    }
}

spec! {
    async fn a_client_without_restrictions_leads_no_further_than_the_schema(world: World) {
        let restricted = restricted_client(&world).await;
        let client = world.client(&restricted.pool, |_| {}).await;
        let token = signed_in(&world, &client, "alice").await;
        world.update_attributes(&client.pool, "alice", &[("phone_number", "+15555550100")]).await.unwrap();
        let before = world.admin_get_user(&client.pool, "alice").await.unwrap();
        for (way, tries) in WAYS {
            for (name, value) in &PROTECTED[..3] {
                let tried = tries(&world, &client, &token, name, value).await;
                assert_eq!(tried, Err(not_theirs_to_write()), "{way} {name}");
            }
            let refused = tries(&world, &client, &token, "cognito:groups", "admins").await.unwrap_err();
            assert_eq!(refused.exception, "InvalidParameterException", "{way}");
            assert!(refused.message.contains("Attribute does not exist in the schema."), "{way}: {}", refused.message);
            if way != "SignUp" {
                let refused = tries(&world, &client, &token, "custom:badge", "7").await.unwrap_err();
                assert_eq!(refused, invalid("user.custom:badge: Attribute cannot be updated."), "{way}");
            }
        }
        let after = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(after.user_attributes, before.user_attributes);
    }
}

/// Whether a request has a member that gives or names attributes of a user.
fn takes_attributes(request: &DescriptorProto) -> bool {
    request
        .field
        .iter()
        .any(|field| field.type_name() == ".cognate.v1.Attribute" || field.name() == "user_attribute_names")
}

#[test]
fn every_operation_by_which_users_give_attributes_is_among_the_ways() {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let messages: Vec<&DescriptorProto> = files.iter().flat_map(|file| &file.message_type).collect();
    let request = |op: &Op| {
        let name = format!("{}Request", op.name());
        *messages.iter().find(|message| message.name() == name).unwrap()
    };
    let of_users = Op::ALL.iter().filter(|op| op.access() != Access::Operator);
    let taking: Vec<&str> = of_users.filter(|op| takes_attributes(request(op))).map(|op| op.name()).collect();
    for name in &taking {
        assert!(WAYS.iter().any(|(way, _)| way == name), "{name} takes attributes: add it to the ways");
    }
    assert_eq!(taking.len(), WAYS.len(), "{taking:?}");
}
