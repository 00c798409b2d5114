//! How users are told that they were created, and told again.

use std::time::Duration;

use cognate::api::delivery_medium::Value as Medium;
use cognate::api::message_action::Value as MessageAction;
use cognate::api::{self, challenge_name, user_status, username_attribute};

use super::{Created, creates, found, invalid, list};
use crate::spec;
use crate::support::fixtures::{PASSWORD, TEMPORARY_PASSWORD, TestClient, attribute};
use crate::support::{Refusal, World, refusal};
use crate::users::unknown_user;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Invites a user with these attributes by these media.
async fn invites(world: &World, pool: &str, username: &str, attributes: &[(&str, &str)], media: &[Medium]) -> Created {
    let configure = |request: &mut api::AdminCreateUserRequest| {
        request.user_attributes = list(attributes);
        request.message_action = None;
        request.temporary_password = None;
        request.desired_delivery_mediums = media.iter().map(|medium| (*medium).into()).collect();
    };
    world.create_user(pool, username, configure).await
}

/// Invites a user again, by e-mail.
async fn invites_again(
    world: &World,
    pool: &str,
    username: &str,
    configure: impl FnOnce(&mut api::AdminCreateUserRequest),
) -> Created {
    let again = |request: &mut api::AdminCreateUserRequest| {
        request.message_action = Some(MessageAction::Resend.into());
        request.temporary_password = None;
        request.user_attributes.clear();
        request.desired_delivery_mediums = vec![Medium::Email.into()];
        configure(request);
    };
    world.create_user(pool, username, again).await
}

/// Whether a password is the user's temporary one.
async fn opens(world: &World, client: &TestClient, username: &str, password: &str) -> Result<(), Refusal> {
    let reply = world.call(world.password_request(client, username, password)).await?;
    assert_eq!(reply.challenge_name(), challenge_name::Value::NewPasswordRequired);
    Ok(())
}

fn incorrect() -> Result<(), Refusal> {
    Err(refusal("NotAuthorizedException", "Incorrect username or password."))
}

fn ended() -> Result<(), Refusal> {
    Err(refusal("NotAuthorizedException", "Temporary password has expired and must be reset by an administrator."))
}

const EMAIL: (&str, &str) = ("email", "a@example.com");
const PHONE_NUMBER: (&str, &str) = ("phone_number", "+15550100");

spec! {
    async fn an_invitation_by_mail_brings_the_name_and_a_password_that_was_made_up(world: World) {
        let client = world.app_client().await;
        invites(&world, &client.pool, "alice", &[EMAIL], &[Medium::Email]).await.unwrap();
        invites(&world, &client.pool, "bob", &[EMAIL], &[Medium::Email]).await.unwrap();
        let mail = world.mail().await;
        assert_eq!(mail.len(), 2);
        assert_ne!(mail[0].code, mail[1].code);
        for (message, name) in mail.iter().zip(["alice", "bob"]) {
            let body = format!("Your username is {name} and temporary password is {}", message.code);
            let told = (&*message.medium, &*message.to, &*message.subject, &*message.body);
            assert_eq!(told, ("EMAIL", "a@example.com", "Your temporary password", &*body));
            assert_eq!((&*message.purpose, &*message.username), ("invitation", name));
            opens(&world, &client, name, &message.code).await.unwrap();
        }
    }
}

spec! {
    async fn a_password_that_was_given_goes_out_as_it_is(world: World) {
        let client = world.app_client().await;
        let configure = |request: &mut api::AdminCreateUserRequest| {
            request.message_action = None;
            request.desired_delivery_mediums = vec![Medium::Email.into()];
        };
        world.create_user(&client.pool, "alice", configure).await.unwrap();
        assert_eq!(world.code_for("alice").await, TEMPORARY_PASSWORD);
    }
}

spec! {
    async fn it_goes_by_text_message_if_nothing_else_is_desired_and_there_is_a_number(world: World) {
        let pool = world.pool(|_| {}).await;
        invites(&world, &pool, "alice", &[EMAIL, PHONE_NUMBER], &[]).await.unwrap();
        let mail = world.mail().await;
        assert_eq!(mail.len(), 1);
        let body = format!("Your username is alice and temporary password is {}", mail[0].code);
        assert_eq!((&*mail[0].medium, &*mail[0].to, &*mail[0].body), ("SMS", "+15550100", &*body));
        invites(&world, &pool, "bob", &[EMAIL], &[]).await.unwrap();
        assert_eq!(world.mail().await.len(), 1);
        // Both, each once.
        let both = [Medium::Email, Medium::Sms, Medium::Email];
        invites(&world, &pool, "carol", &[EMAIL, PHONE_NUMBER], &both).await.unwrap();
        let mail = world.mail().await;
        let mut media: Vec<_> = mail[1..].iter().map(|message| message.medium.as_str()).collect();
        media.sort_unstable();
        assert_eq!(media, ["EMAIL", "SMS"]);
        assert_eq!(mail[1].code, mail[2].code);
    }
}

spec! {
    async fn a_desired_medium_without_its_attribute_is_refused_and_nobody_is_created(world: World) {
        let pool = world.pool(|_| {}).await;
        for (attributes, media, lacking) in [
            (&[EMAIL][..], &[Medium::Sms][..], "phone_number"),
            (&[PHONE_NUMBER], &[Medium::Email], "email"),
            (&[EMAIL], &[Medium::Email, Medium::Sms], "phone_number"),
            (&[], &[Medium::Email], "email"),
        ] {
            let message = format!("The user has no {lacking} to which the invitation could be sent.");
            assert_eq!(invites(&world, &pool, "alice", attributes, media).await, invalid(&message));
        }
        assert_eq!(found(&world, &pool, "alice").await, None);
        assert_eq!(world.mail().await.len(), 0);
    }
}

spec! {
    async fn what_is_suppressed_is_not_sent_whatever_is_desired(world: World) {
        let pool = world.pool(|_| {}).await;
        let configure = |request: &mut api::AdminCreateUserRequest| {
            request.desired_delivery_mediums = vec![Medium::Email.into(), Medium::Sms.into()];
        };
        world.create_user(&pool, "alice", configure).await.unwrap();
        assert_eq!(world.mail().await.len(), 0);
    }
}

spec! {
    async fn a_refused_creation_sends_nothing(world: World) {
        let pool = world.pool(|_| {}).await;
        invites(&world, &pool, "alice", &[EMAIL], &[Medium::Email]).await.unwrap();
        invites(&world, &pool, "alice", &[EMAIL], &[Medium::Email]).await.unwrap_err();
        assert_eq!(world.mail().await.len(), 1);
    }
}

spec! {
    async fn the_pools_own_words_are_used(world: World) {
        let template = api::MessageTemplate {
            email_subject: Some("Welcome".to_owned()),
            email_message: Some("{username}: {####}".to_owned()),
            sms_message: Some("{####} for {username}".to_owned()),
        };
        let invitations =
            api::AdminCreateUserConfig { invite_message_template: Some(template), ..Default::default() };
        let pool = world.pool(|request| request.admin_create_user_config = Some(invitations)).await;
        let name = "{####}";
        invites(&world, &pool, name, &[EMAIL, PHONE_NUMBER], &[Medium::Email, Medium::Sms]).await.unwrap();
        let mut mail = world.mail().await;
        mail.sort_by(|a, b| a.medium.cmp(&b.medium));
        let code = &mail[0].code;
        assert_eq!((&*mail[0].subject, &mail[0].body), ("Welcome", &format!("{name}: {code}")));
        assert_eq!(mail[1].body, format!("{code} for {name}"));
    }
}

spec! {
    async fn where_an_attribute_is_the_username_it_is_what_the_invitation_names(world: World) {
        let pool =
            world.pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()]).await;
        let created = invites(&world, &pool, "a@example.com", &[], &[Medium::Email]).await.unwrap();
        let again = invites_again(&world, &pool, created.username(), |_| {}).await.unwrap();
        assert_eq!(again.username, created.username);
        for message in world.mail().await {
            assert_eq!(message.username, created.username());
            let body = format!("Your username is a@example.com and temporary password is {}", message.code);
            assert_eq!(message.body, body);
        }
    }
}

spec! {
    async fn an_invitation_again_brings_a_new_password_with_a_new_life(world: World) {
        let client = world.app_client().await;
        let created = invites(&world, &client.pool, "alice", &[EMAIL], &[Medium::Email]).await.unwrap();
        let first = world.code_for("alice").await;
        world.advance(7 * DAY);
        assert_eq!(opens(&world, &client, "alice", &first).await, ended());
        let again = invites_again(&world, &client.pool, "alice", |_| {}).await.unwrap();
        let now = Some(prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 });
        assert_eq!(again, api::User { user_last_modified_date: now, ..created });
        let mail = world.mail().await;
        assert_eq!(mail.len(), 2);
        let second = &mail[1];
        let body = format!("Your username is alice and temporary password is {}", second.code);
        assert_eq!((&*second.to, &*second.subject, &second.body), ("a@example.com", "Your temporary password", &body));
        assert_eq!(opens(&world, &client, "alice", &first).await, incorrect());
        world.advance(7 * DAY - Duration::from_millis(1));
        opens(&world, &client, "alice", &second.code).await.unwrap();
        world.advance(Duration::from_millis(1));
        assert_eq!(opens(&world, &client, "alice", &second.code).await, ended());
    }
}

spec! {
    async fn an_invitation_again_takes_a_password_and_leaves_the_attributes(world: World) {
        let client = world.app_client().await;
        creates(&world, &client.pool, "alice", &[EMAIL]).await.unwrap();
        let weak = |request: &mut api::AdminCreateUserRequest| request.temporary_password = Some("password".to_owned());
        assert_eq!(
            invites_again(&world, &client.pool, "alice", weak).await,
            Err(refusal(
                "InvalidPasswordException",
                "Password did not conform with policy: Password must have uppercase characters"
            ))
        );
        opens(&world, &client, "alice", TEMPORARY_PASSWORD).await.unwrap();
        let by_sms = |request: &mut api::AdminCreateUserRequest| {
            request.desired_delivery_mediums = vec![Medium::Sms.into()];
            request.user_attributes = vec![attribute("phone_number", "+15550100")];
        };
        assert_eq!(
            invites_again(&world, &client.pool, "alice", by_sms).await,
            invalid("The user has no phone_number to which the invitation could be sent.")
        );
        let given = |request: &mut api::AdminCreateUserRequest| {
            request.temporary_password = Some(PASSWORD.to_owned());
            request.user_attributes = vec![attribute("name", "Alice"), attribute("custom:nonesuch", "x")];
            request.force_alias_creation = Some(true);
        };
        invites_again(&world, &client.pool, "alice", given).await.unwrap();
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=a@example.com", "email_verified=false"]);
        assert_eq!(world.code_for("alice").await, PASSWORD);
        opens(&world, &client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn only_who_has_not_signed_in_yet_is_invited_again_and_the_audit_trail_has_no_name(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "unconfirmed").await;
        world.confirmed_user(&client, "confirmed").await;
        for name in ["unconfirmed", "confirmed"] {
            assert_eq!(
                invites_again(&world, &client.pool, name, |_| {}).await,
                Err(refusal(
                    "UnsupportedUserStateException",
                    &format!("Resend not possible. {name} status is not FORCE_CHANGE_PASSWORD")
                ))
            );
        }
        assert_eq!(invites_again(&world, &client.pool, "nobody", |_| {}).await, Err(unknown_user()));
        world.sign_in(&client, "confirmed").await;
        let trail = world.audit().await;
        let line = trail.iter().find(|line| line["errorCode"] == "UnsupportedUserStateException").unwrap();
        assert_eq!(
            line["errorMessage"],
            "Resend not possible. HIDDEN_DUE_TO_SECURITY_REASONS status is not FORCE_CHANGE_PASSWORD"
        );
        assert!(!line.to_string().contains("confirmed"), "{line}");
    }
}

spec! {
    async fn whom_an_operator_gave_a_temporary_password_is_invited_like_who_was_created(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        world.set_temporary_password(&client.pool, "alice", TEMPORARY_PASSWORD).await.unwrap();
        world.disable(&client.pool, "alice").await;
        let again = invites_again(&world, &client.pool, &sub, |_| {}).await.unwrap();
        assert_eq!((again.enabled(), again.user_status()), (false, user_status::Value::ForceChangePassword));
        world.enable(&client.pool, "alice").await;
        let password = world.code_for("alice").await;
        opens(&world, &client, "alice", &password).await.unwrap();
    }
}

spec! {
    async fn a_temporary_password_lasts_as_long_as_the_pool_says_to_the_millisecond(world: World) {
        for days in [1, 365] {
            let passwords =
                api::PasswordPolicy { temporary_password_validity_days: Some(days), ..Default::default() };
            let policies = api::UserPoolPolicy { password_policy: Some(passwords), ..Default::default() };
            let pool = world.pool(|request| request.policies = Some(policies)).await;
            let client = world.client(&pool, |_| {}).await;
            creates(&world, &pool, "alice", &[]).await.unwrap();
            world.advance(days.unsigned_abs() * DAY - Duration::from_millis(1));
            opens(&world, &client, "alice", TEMPORARY_PASSWORD).await.unwrap();
            world.advance(Duration::from_millis(1));
            assert_eq!(opens(&world, &client, "alice", TEMPORARY_PASSWORD).await, ended());
        }
    }
}
