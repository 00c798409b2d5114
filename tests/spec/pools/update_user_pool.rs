//! `UpdateUserPool`.

use std::time::Duration;

use cognate::api::{self, Op};
use serde_json::{Map, Value, json};

use super::create_user_pool::{created, described, not_honoured};
use super::{pool_with_defaults, timestamp};
use crate::spec;
use crate::support::fixtures::PASSWORD;
use crate::support::functions::FUNCTION;
use crate::support::{Refusal, World, at_once, refusal};
use crate::wire::{call_written, with};

async fn update(world: &World, pool: &str, members: &Value) -> Result<(), Refusal> {
    let body = with(members, "UserPoolId", json!(pool));
    call_written::<api::UpdateUserPoolRequest>(world, &body).await.map(|api::UpdateUserPoolResponse {}| ())
}

/// What only a new pool can be given.
fn immutable() -> Value {
    json!({
        "AliasAttributes": ["email"],
        "UsernameConfiguration": { "CaseSensitive": false },
        "Schema": [{ "Name": "team", "AttributeDataType": "String" }, { "Name": "email", "Required": true }],
    })
}

/// Every setting with a value other than its default, the members that only go with it, and what Describe shows of it.
fn settings() -> Vec<(Value, Vec<&'static str>)> {
    vec![
        (
            json!({ "Policies": {
                "PasswordPolicy": {
                    "MinimumLength": 12,
                    "RequireUppercase": false,
                    "RequireLowercase": false,
                    "RequireNumbers": false,
                    "RequireSymbols": false,
                    "TemporaryPasswordValidityDays": 30,
                },
                "SignInPolicy": { "AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"] },
            } }),
            vec!["/Policies", "/AdminCreateUserConfig/UnusedAccountValidityDays"],
        ),
        (json!({ "DeletionProtection": "ACTIVE" }), vec!["/DeletionProtection"]),
        (
            json!({ "LambdaConfig": {
                "PreSignUp": FUNCTION,
                "PostConfirmation": FUNCTION,
                "PreAuthentication": FUNCTION,
                "PostAuthentication": FUNCTION,
                "PreTokenGeneration": FUNCTION,
                "PreTokenGenerationConfig": { "LambdaVersion": "V2_0", "LambdaArn": FUNCTION },
            } }),
            vec!["/LambdaConfig"],
        ),
        (
            json!({
                "AutoVerifiedAttributes": ["email", "phone_number"],
                "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": ["email"] },
            }),
            vec!["/AutoVerifiedAttributes", "/UserAttributeUpdateSettings"],
        ),
        (
            json!({ "SmsVerificationMessage": "Type {####}" }),
            vec!["/SmsVerificationMessage", "/VerificationMessageTemplate/SmsMessage"],
        ),
        (
            json!({ "EmailVerificationMessage": "Enter {####}" }),
            vec!["/EmailVerificationMessage", "/VerificationMessageTemplate/EmailMessage"],
        ),
        (
            json!({ "EmailVerificationSubject": "Enter" }),
            vec!["/EmailVerificationSubject", "/VerificationMessageTemplate/EmailSubject"],
        ),
        (
            json!({ "VerificationMessageTemplate": {
                "EmailMessageByLink": "Confirm {##here##}",
                "EmailSubjectByLink": "Confirm",
                "DefaultEmailOption": "CONFIRM_WITH_LINK",
            } }),
            vec![
                "/VerificationMessageTemplate/EmailMessageByLink",
                "/VerificationMessageTemplate/EmailSubjectByLink",
                "/VerificationMessageTemplate/DefaultEmailOption",
            ],
        ),
        (
            json!({ "EmailConfiguration": { "From": "Us <us@example.com>", "ReplyToEmailAddress": "desk@example.com" } }),
            vec!["/EmailConfiguration"],
        ),
        (json!({ "SmsAuthenticationMessage": "Enter {####}" }), vec!["/SmsAuthenticationMessage"]),
        (json!({ "MfaConfiguration": "ON" }), vec!["/MfaConfiguration"]),
        (json!({ "DeviceConfiguration": { "DeviceOnlyRememberedOnUserPrompt": true } }), vec!["/DeviceConfiguration"]),
        (json!({ "UserPoolTags": { "team": "desk" } }), vec!["/UserPoolTags"]),
        (
            json!({ "AdminCreateUserConfig": {
                "AllowAdminCreateUserOnly": true,
                "InviteMessageTemplate": {
                    "SMSMessage": "{username} {####}",
                    "EmailMessage": "Welcome, {username}: {####}",
                    "EmailSubject": "Welcome",
                },
            } }),
            vec!["/AdminCreateUserConfig/AllowAdminCreateUserOnly", "/AdminCreateUserConfig/InviteMessageTemplate"],
        ),
        (
            json!({ "AccountRecoverySetting": {
                "RecoveryMechanisms": [{ "Priority": 1, "Name": "verified_email" }],
            } }),
            vec!["/AccountRecoverySetting"],
        ),
    ]
}

/// All these members in one body.
fn all<'a>(parts: impl IntoIterator<Item = &'a Value>) -> Value {
    parts.into_iter().flat_map(|part| part.as_object().unwrap().clone()).collect::<Map<_, _>>().into()
}

/// Puts in `pool` at this place what `other` has there.
fn take_over(pool: &mut Value, other: &Value, place: &str) {
    let (parent, member) = place.rsplit_once('/').unwrap();
    let parent = pool.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match other.pointer(place) {
        Some(value) => parent.insert(member.to_owned(), value.clone()),
        None => parent.remove(member),
    };
}

fn written(pool: &api::UserPool) -> Value {
    serde_json::to_value(pool).unwrap()
}

spec! {
    async fn each_setting_that_is_left_out_falls_back_to_what_a_new_pool_begins_with(world: World) {
        let table = settings();
        let settings: Vec<&Value> = table.iter().map(|(members, _)| members).collect();
        let name = json!({ "PoolName": "people" });
        let immutable = immutable();
        let new = created(&world, &all([&name, &immutable])).await.unwrap();
        let id = new.id();
        for (left_out, (members, places)) in table.iter().enumerate() {
            update(&world, id, &all(settings.iter().copied())).await.unwrap();
            let with_everything = written(&described(&world, id).await);
            let others = settings.iter().copied().enumerate().filter(|(index, _)| *index != left_out);
            update(&world, id, &all(others.map(|(_, members)| members))).await.unwrap();
            let mut expected = with_everything.clone();
            for place in places {
                take_over(&mut expected, &written(&new), place);
            }
            assert_ne!(expected, with_everything, "{members} is no default");
            assert_eq!(written(&described(&world, id).await), expected, "{members}");
        }
        update(&world, id, &json!({})).await.unwrap();
        assert_eq!(described(&world, id).await, new, "nothing but defaults");
    }
}

spec! {
    async fn an_update_with_everything_is_as_good_as_a_new_pool_with_it(world: World) {
        let settings = settings();
        let settings = all(settings.iter().map(|(members, _)| members));
        let (name, immutable) = (json!({ "PoolName": "people" }), immutable());
        let made = created(&world, &all([&name, &immutable, &settings])).await.unwrap();
        let changed = created(&world, &all([&name, &immutable])).await.unwrap();
        update(&world, changed.id(), &settings).await.unwrap();
        let changed = described(&world, changed.id()).await;
        assert_eq!(api::UserPool { id: made.id.clone(), arn: made.arn.clone(), ..changed }, made);
    }
}

#[test]
fn the_table_of_settings_has_every_member_that_is_honoured() {
    let proto = include_str!("../../../proto/cognate/v1/pools.proto");
    let message = proto.split("message UpdateUserPoolRequest {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let honoured = message.split(';').filter(|field| field.contains("json_name") && !field.contains("NotHonoured "));
    let honoured = honoured.map(|field| field.split("json_name = \"").nth(1).unwrap().split('"').next().unwrap());
    let table = settings();
    // What names the pool, and what has one value only.
    let others = ["UserPoolId", "PoolName", "UserPoolTier"];
    for member in honoured.filter(|member| !others.contains(member)) {
        assert!(table.iter().any(|(members, _)| members.get(member).is_some()), "{member}");
    }
}

spec! {
    async fn a_pool_keeps_its_name_until_it_is_given_another_and_tells_when_it_changed(world: World) {
        let made = created(&world, &json!({ "PoolName": "before" })).await.unwrap();
        let (id, made_at) = (made.id(), timestamp(world.now()));
        for (members, name) in [(json!({}), "before"), (json!({ "PoolName": "after" }), "after"), (json!({}), "after")] {
            world.advance(Duration::from_millis(1_001));
            update(&world, id, &members).await.unwrap();
            let mut expected = pool_with_defaults(&world, id, name);
            expected.creation_date = made_at;
            assert_eq!(described(&world, id).await, expected);
            let listed = world.call(api::ListUserPoolsRequest { max_results: Some(60), next_token: None }).await.unwrap();
            let [listed] = listed.user_pools.try_into().unwrap();
            assert_eq!((listed.name(), listed.last_modified_date), (name, timestamp(world.now())));
        }
    }
}

spec! {
    async fn new_settings_rule_at_once(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let weak = |name: &str| api::SignUpRequest {
            password: Some("x-password".to_owned()),
            ..world.sign_up_request(&client, name)
        };
        let refused = refusal(
            "InvalidPasswordException",
            "Password did not conform with policy: Password must have uppercase characters",
        );
        assert_eq!(world.call(weak("bob")).await, Err(refused));
        let lax = json!({
            "AutoVerifiedAttributes": ["email"],
            "Policies": { "PasswordPolicy": { "MinimumLength": 8 } },
            "EmailVerificationSubject": "Enter this",
        });
        update(&world, &client.pool, &lax).await.unwrap();
        world.call(weak("bob")).await.unwrap();
        let mail = world.mail().await;
        assert_eq!(mail.last().unwrap().subject, "Enter this");

        let closed = json!({ "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": true } });
        update(&world, &client.pool, &closed).await.unwrap();
        assert_eq!(
            world.call(world.sign_up_request(&client, "carol")).await.map(drop),
            Err(refusal("NotAuthorizedException", "SignUp is not permitted for this user pool"))
        );
    }
}

spec! {
    async fn users_clients_and_tokens_outlast_an_update(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        update(&world, &client.pool, &json!({})).await.unwrap();
        world.get_user(tokens.access_token()).await.unwrap();
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        assert_eq!(described(&world, &client.pool).await.estimated_number_of_users, Some(1));
    }
}

spec! {
    async fn deletion_protection_is_put_on_and_taken_off(world: World) {
        let pool = world.pool(|_| {}).await;
        let delete = || world.call(api::DeleteUserPoolRequest { user_pool_id: Some(pool.clone()) });
        update(&world, &pool, &json!({ "DeletionProtection": "ACTIVE" })).await.unwrap();
        assert_eq!(
            delete().await,
            Err(refusal(
                "InvalidParameterException",
                "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be \
                 inactivated first."
            ))
        );
        update(&world, &pool, &json!({ "DeletionProtection": "INACTIVE" })).await.unwrap();
        assert_eq!(delete().await, Ok(()));
    }
}

spec! {
    async fn settings_that_contradict_each_other_change_nothing(world: World) {
        let made = created(&world, &json!({ "PoolName": "people", "AutoVerifiedAttributes": ["email"] })).await.unwrap();
        for (members, message) in [
            // Whatever the pool has: the request does not verify the address.
            (
                json!({ "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": ["email"] } }),
                "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes",
            ),
            (
                json!({
                    "Policies": { "PasswordPolicy": { "TemporaryPasswordValidityDays": 7 } },
                    "AdminCreateUserConfig": { "UnusedAccountValidityDays": 8 },
                }),
                "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays",
            ),
            (
                json!({ "EmailConfiguration": { "From": "us" } }),
                "From must be an address, or a name and an address in angle brackets.",
            ),
            (
                json!({ "UserPoolTags": (0..51).map(|n| (n.to_string(), json!(""))).collect::<Map<_, _>>() }),
                "A user pool cannot have more than 50 tags.",
            ),
        ] {
            let refused = Err(refusal("InvalidParameterException", message));
            assert_eq!(update(&world, made.id(), &members).await, refused, "{members}");
        }
        assert_eq!(described(&world, made.id()).await, made);
    }
}

spec! {
    async fn what_is_not_honoured_is_refused_by_name_and_changes_nothing(world: World) {
        let made = created(&world, &json!({ "PoolName": "people" })).await.unwrap();
        let mut refused = 0;
        for (member, body) in not_honoured().into_iter().filter(|(member, _)| *member != "DeveloperOnlyAttribute") {
            assert_eq!(
                update(&world, made.id(), &body).await,
                Err(refusal("InvalidParameterException", &format!("{member} is not supported by this server."))),
                "{body}"
            );
            refused += 1;
        }
        assert!(refused > 12, "{refused}");
        assert_eq!(described(&world, made.id()).await, made);
    }
}

spec! {
    async fn members_out_of_bounds_are_named_with_their_paths(world: World) {
        let body = json!({
            "PoolName": "",
            "SmsVerificationMessage": "no code",
            "AccountRecoverySetting": { "RecoveryMechanisms": [{ "Priority": 0, "Name": "verified_email" }] },
        });
        assert_eq!(
            update(&world, "nonsense", &body).await,
            Err(refusal(
                "InvalidParameterException",
                "5 validation errors detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value 'no code' at 'smsVerificationMessage' \
                 failed to satisfy constraint: Member must satisfy regular expression pattern: .*\\{####\\}.*; Value '0' \
                 at 'accountRecoverySetting.recoveryMechanisms.1.member.priority' failed to satisfy constraint: Member must \
                 have value greater than or equal to 1; Value '' at 'poolName' failed to satisfy constraint: Member must \
                 have length greater than or equal to 1; Value '' at 'poolName' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w\\s+=,.@-]+"
            ))
        );
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            update(&world, "us-east-1_Nowhere12", &json!({})).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn updates_at_once_leave_the_settings_of_one_of_them(world: World) {
        let pool = created(&world, &json!({ "PoolName": "people" })).await.unwrap();
        let bodies: Vec<Value> = (6..14)
            .map(|n| json!({
                "PoolName": format!("people {n}"),
                "Policies": { "PasswordPolicy": { "MinimumLength": n } },
            }))
            .collect();
        let done = at_once(bodies.iter().map(|body| update(&world, pool.id(), body))).await;
        assert_eq!(done, vec![Ok(()); 8]);
        let left = described(&world, pool.id()).await;
        let length = left.policies.as_ref().unwrap().password_policy.unwrap().minimum_length();
        assert_eq!(left.name(), format!("people {length}"));
    }
}

spec! {
    async fn new_settings_outlive_a_restart(world: World) {
        let pool = created(&world, &json!({ "PoolName": "people" })).await.unwrap();
        let table = settings();
        update(&world, pool.id(), &all(table.iter().map(|(members, _)| members))).await.unwrap();
        let changed = described(&world, pool.id()).await;
        let world = world.restarted().await;
        assert_eq!(described(&world, pool.id()).await, changed);
    }
}

spec! {
    async fn the_audit_trail_tells_of_the_update_and_the_pool(world: World) {
        let pool = created(&world, &json!({ "PoolName": "people" })).await.unwrap();
        update(&world, pool.id(), &json!({ "PoolName": "others" })).await.unwrap();
        let trail = world.audit().await;
        let told = trail.iter().find(|event| event["eventName"] == Op::UpdateUserPool.name()).unwrap();
        assert_eq!(told["requestParameters"]["userPoolId"], pool.id());
        assert_eq!(told["readOnly"], false);
    }
}
