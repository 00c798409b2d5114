//! `AddCustomAttributes`.

use std::time::Duration;

use cognate::api;
use serde_json::{Value, json};

use super::create_user_pool::{created, described};
use super::{attribute, lengths, standard_schema, timestamp};
use crate::spec;
use crate::support::fixtures::{self, value_of};
use crate::support::{Refusal, World, at_once, refusal};
use crate::wire::call_written;

async fn add(world: &World, pool: &str, attributes: Value) -> Result<(), Refusal> {
    let body = json!({ "UserPoolId": pool, "CustomAttributes": attributes });
    call_written::<api::AddCustomAttributesRequest>(world, &body).await.map(|api::AddCustomAttributesResponse {}| ())
}

fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

/// So many attributes, from this number on.
fn some(from: usize, count: usize) -> Value {
    (from..from + count).map(|n| json!({ "Name": format!("a{n}"), "AttributeDataType": "Boolean" })).collect()
}

spec! {
    async fn attributes_stand_behind_those_that_the_pool_has(world: World) {
        let schema = json!([{ "Name": "team", "AttributeDataType": "String", "Mutable": true }]);
        let made = created(&world, &json!({ "PoolName": "people", "Schema": schema })).await.unwrap();
        world.advance(Duration::from_secs(2));
        add(&world, made.id(), json!([
            {
                "Name": "nick",
                "AttributeDataType": "String",
                "Mutable": true,
                "Required": false,
                "DeveloperOnlyAttribute": false,
                "StringAttributeConstraints": { "MinLength": "2", "MaxLength": "9" },
            },
            { "Name": "age", "AttributeDataType": "Number", "NumberAttributeConstraints": { "MaxValue": "150" } },
        ]))
        .await
        .unwrap();
        // A name of the standard ones is one more here, and changes nothing of it.
        add(&world, made.id(), json!([{ "Name": "email", "AttributeDataType": "DateTime" }])).await.unwrap();

        let mut schema = standard_schema();
        schema.push(attribute("custom:team", api::attribute_data::Value::String));
        schema.last_mut().unwrap().string_attribute_constraints =
            Some(api::StringAttributeConstraints { min_length: None, max_length: None });
        schema.push(api::SchemaAttribute {
            string_attribute_constraints: lengths("2", "9"),
            ..attribute("custom:nick", api::attribute_data::Value::String)
        });
        schema.push(api::SchemaAttribute {
            mutable: Some(false),
            number_attribute_constraints: Some(api::NumberAttributeConstraints {
                min_value: None,
                max_value: Some("150".to_owned()),
            }),
            ..attribute("custom:age", api::attribute_data::Value::Number)
        });
        schema.push(api::SchemaAttribute {
            mutable: Some(false),
            ..attribute("custom:email", api::attribute_data::Value::DateTime)
        });
        let expected =
            api::UserPool { schema_attributes: schema, last_modified_date: timestamp(world.now()), ..made.clone() };
        assert_eq!(described(&world, made.id()).await, expected);
    }
}

spec! {
    async fn users_can_have_an_attribute_once_it_is_added(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let with_team = |name: &str| {
            let mut request = world.sign_up_request(&client, name);
            request.user_attributes.push(fixtures::attribute("custom:team", "desk"));
            request
        };
        assert_eq!(
            world.call(with_team("bob")).await.map(drop),
            Err(invalid(
                "Attributes did not conform to the schema: custom:team: Attribute does not exist in the schema."
            ))
        );
        let team = json!([{ "Name": "team", "AttributeDataType": "String", "Mutable": true }]);
        add(&world, &client.pool, team).await.unwrap();
        world.call(with_team("bob")).await.unwrap();
        let bob = world.admin_get_user(&client.pool, "bob").await.unwrap();
        assert_eq!(value_of(&bob.user_attributes, "custom:team"), Some("desk"));
        world.update_attributes(&client.pool, "alice", &[("custom:team", "field")]).await.unwrap();
    }
}

spec! {
    async fn a_name_that_is_taken_is_refused_and_nothing_is_added(world: World) {
        let schema = json!([{ "Name": "banana", "AttributeDataType": "String" }]);
        let made = created(&world, &json!({ "PoolName": "people", "Schema": schema })).await.unwrap();
        let banana = json!({ "Name": "banana", "AttributeDataType": "Number" });
        let fresh = json!({ "Name": "fresh", "AttributeDataType": "Number" });
        for (attributes, name) in [
            (json!([fresh, banana]), "custom:banana"),
            (json!([fresh, fresh]), "custom:fresh"),
        ] {
            assert_eq!(
                add(&world, made.id(), attributes).await,
                Err(invalid(&format!("{name}: Existing attribute already has name {name}.")))
            );
        }
        assert_eq!(described(&world, made.id()).await, made);
    }
}

spec! {
    async fn an_attribute_that_cannot_be_is_refused_in_cognitos_words(world: World) {
        let pool = world.pool(|_| {}).await;
        let before = described(&world, &pool).await;
        for (attribute, message) in [
            (
                json!({ "Name": "team", "AttributeDataType": "String", "Required": true }),
                "Required custom attributes are not supported currently.",
            ),
            (
                json!({ "Name": "team" }),
                "Invalid AttributeDataType input, consider using the provided AttributeDataType enum.",
            ),
            (
                json!({
                    "Name": "team",
                    "AttributeDataType": "Number",
                    "StringAttributeConstraints": { "MinLength": "1" },
                }),
                "Invalid StringAttributeConstraints for schema attribute custom:team",
            ),
            (
                json!({
                    "Name": "team",
                    "AttributeDataType": "String",
                    "StringAttributeConstraints": { "MaxLength": "2049" },
                }),
                "user.custom:team: String attributes cannot have a length of more than 2048",
            ),
            (json!({ "AttributeDataType": "String" }), "Missing required parameter Name"),
            (
                json!({ "Name": "team", "AttributeDataType": "String", "DeveloperOnlyAttribute": true }),
                "DeveloperOnlyAttribute is not supported by this server.",
            ),
        ] {
            assert_eq!(add(&world, &pool, json!([attribute])).await, Err(invalid(message)), "{attribute}");
        }
        assert_eq!(described(&world, &pool).await, before);
    }
}

spec! {
    async fn twenty_five_are_added_at_a_time_and_fifty_in_all(world: World) {
        let pool = world.pool(|_| {}).await;
        assert_eq!(
            add(&world, &pool, some(0, 26)).await,
            Err(invalid(
                "1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: Member must have \
                 length less than or equal to 25"
            ))
        );
        add(&world, &pool, some(0, 25)).await.unwrap();
        add(&world, &pool, some(25, 24)).await.unwrap();
        assert_eq!(
            add(&world, &pool, some(49, 2)).await,
            Err(invalid("A user pool cannot have more than 50 custom attributes."))
        );
        add(&world, &pool, some(49, 1)).await.unwrap();
        assert_eq!(described(&world, &pool).await.schema_attributes.len(), 70);
    }
}

spec! {
    async fn additions_at_once_are_all_kept(world: World) {
        let pool = world.pool(|_| {}).await;
        let done = at_once((0..6).map(|n| add(&world, &pool, some(n * 2, 2)))).await;
        assert_eq!(done, vec![Ok(()); 6]);
        assert_eq!(described(&world, &pool).await.schema_attributes.len(), 32);
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            add(&world, "us-east-1_Nowhere12", some(0, 1)).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn members_out_of_bounds_are_named_with_their_paths(world: World) {
        assert_eq!(
            add(&world, "nonsense", json!([{ "Name": "a_name_of_21_letters_", "AttributeDataType": "String" }])).await,
            Err(invalid(
                "2 validation errors detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value 'a_name_of_21_letters_' at \
                 'customAttributes.1.member.name' failed to satisfy constraint: Member must have length less than or \
                 equal to 20"
            ))
        );
    }
}
