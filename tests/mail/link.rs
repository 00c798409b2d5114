//! Confirming by a link: the mail that brings it, and the page to which it leads.

use std::time::Duration;

use cognate::api;
use cognate::domain::ids::PoolId;
use cognate::store::{Batch, PoolKey};

use crate::support::fixtures::TestClient;
use crate::support::http::{self, Reply};
use crate::support::{Mail, Wire, World};

/// A world with a client of a pool that confirms by links.
async fn world(configure: impl FnOnce(&mut api::CreateUserPoolClientRequest)) -> (World, TestClient) {
    let world = World::new(Wire::Grpc).await;
    let pool = world.pool(|_| {}).await;
    let client = world.client(&pool, configure).await;
    let (store, key) = (&world.app.services.store, PoolKey { pool: PoolId(pool) });
    let mut record = store.read(&key).await.unwrap().unwrap().record;
    record.confirms_by_link = true;
    record.email_message_by_link = Some("<p>Hello, click {##<b>here</b>##}.</p>".to_owned());
    let mut batch = Batch::default();
    batch.put(&key, &record);
    store.commit(batch).await.unwrap();
    (world, client)
}

/// The path of the link in a mail.
fn link(world: &World, mail: &Mail) -> String {
    let html = mail.html.as_deref().unwrap();
    let href = html.split_once("href=\"").unwrap().1.split_once('"').unwrap().0.replace("&amp;", "&");
    assert!(mail.body.contains(&href), "{}", mail.body);
    href.strip_prefix(&world.app.services.public_url).unwrap().to_owned()
}

async fn status(world: &World, client: &TestClient, username: &str) -> String {
    let request =
        api::AdminGetUserRequest { user_pool_id: Some(client.pool.clone()), username: Some(username.to_owned()) };
    format!("{:?}", world.call(request).await.unwrap().user_status())
}

fn says(reply: &Reply) -> String {
    for (header, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(reply.header(header), Some(value));
    }
    let page = String::from_utf8(reply.body.to_vec()).unwrap();
    page.split_once("<p>").unwrap().1.split_once("</p>").unwrap().0.to_owned()
}

const INVALID: &str = "This link is not valid, or has expired. Please ask for a new one.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_confirms_and_a_second_one_does_not() {
    let (world, client) = world(|_| {}).await;
    let username = "Zoë&\"Co\"+1<i>%";
    let request = api::SignUpRequest { username: Some(username.to_owned()), ..client.sign_up_request("zoe") };
    world.call(request).await.unwrap();
    let mail = world.mail().await.pop().unwrap();
    assert_eq!(mail.subject, "Your verification link");
    let path = link(&world, &mail);
    let head = http::request(::http::Method::HEAD, &world.address, &path, &[], Vec::new()).await;
    assert_eq!(head.status, 405, "who only looks does not confirm");
    let reply = http::get(&world.address, &path).await;
    assert_eq!((reply.status, says(&reply).as_str()), (200, "You are confirmed. You can sign in now."));
    assert_eq!(status(&world, &client, username).await, "Confirmed");
    let again = http::get(&world.address, &path).await;
    assert_eq!((again.status, says(&again).as_str()), (400, "This link has been used, or cannot be used any more."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confidential_clients_link_needs_no_secret_of_its_visitor() {
    let (world, client) = world(|request| request.generate_secret = Some(true)).await;
    world.sign_up(&client, "alice").await;
    let path = link(&world, &world.mail().await[0]);
    assert_eq!(http::get(&world.address, &path).await.status, 200);
    assert_eq!(status(&world, &client, "alice").await, "Confirmed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_not_right_confirms_nobody_and_is_not_repeated() {
    let (world, client) = world(|_| {}).await;
    world.sign_up(&client, "alice").await;
    let path = link(&world, &world.mail().await[0]);
    let other = world.client(&world.pool(|_| {}).await, |_| {}).await;
    let code = path.rsplit_once('=').unwrap().1.to_owned();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let query =
        |client: &str, name: &str, code: &str| format!("client_id={client}&user_name={name}&confirmation_code={code}");
    let at = |pool: &str, query: &str| format!("/{pool}/confirmUser?{query}");
    for path in [
        at(&client.pool, &query(&client.id, "alice", wrong)),
        at(&client.pool, &query(&client.id, "nobody", &code)),
        at(&client.pool, &query(&other.id, "alice", &code)),
        at(&other.pool, &query(&client.id, "alice", &code)),
        at("us-east-1_Nowhere12", &query(&client.id, "alice", &code)),
        at(&client.pool, &query("%3Cscript%3Ealert(1)%3C/script%3E", "alice", &code)),
        at(&client.pool, &query(&client.id, "%3Cscript%3E", "%3Cscript%3E")),
        at(&client.pool, &query(&client.id, "alice", "%zz")),
        at(&client.pool, &format!("{}&user_name=bob", query(&client.id, "alice", &code))),
        at(&client.pool, ""),
        format!("/{}/confirmUser", client.pool),
    ] {
        let reply = http::get(&world.address, &path).await;
        assert_eq!((reply.status, says(&reply).as_str()), (400, INVALID), "{path}");
        assert!(!reply.body.windows(6).any(|text| text == b"script" || text == b"alice&"));
    }
    assert_eq!(status(&world, &client, "alice").await, "Unconfirmed");
    world.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(says(&http::get(&world.address, &path).await), INVALID);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tries_by_link_are_limited_like_all_others() {
    let (world, client) = world(|_| {}).await;
    world.sign_up(&client, "alice").await;
    let path = link(&world, &world.mail().await[0]);
    let (rest, code) = path.rsplit_once('=').unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let mut last = 0;
    for _ in 0..16 {
        last = http::get(&world.address, &format!("{rest}={wrong}")).await.status;
    }
    assert_eq!(last, 429);
    assert_eq!(http::get(&world.address, &path).await.status, 429);
}
