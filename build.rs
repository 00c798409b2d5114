//! Compiles the contract (`proto/`) into Rust: messages, gRPC servers and clients by prost and tonic, and everything that follows
//! from our own annotations: the `Op` enum, who may call what, validators, both directions of the AWS JSON wire, the glue
//! of both wires, and a `Debug` that hides what is sensitive. No protoc is needed: protox is a compiler written in Rust.
//!
//! The build fails when an rpc has no `access`, or no file under `src/operations/`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_reflect::prost_types::method_options::IdempotencyLevel;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ReflectMessage, Value,
};

type Failure = Box<dyn std::error::Error>;

const CONTRACT: &str = "cognate.v1";

fn main() -> Result<(), Failure> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=src/operations");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(proto_files(Path::new("proto"))?)?;
    let descriptors = compiler.encode_file_descriptor_set(); // keeps our options, which prost's types drop
    fs::write(out.join("descriptors.bin"), &descriptors)?;

    let pool = DescriptorPool::decode(descriptors.as_slice())?;
    let contract = Contract::read(&pool)?;
    fs::write(out.join("contract.rs"), contract.plain_data()?)?;
    fs::write(out.join("operations.rs"), contract.operations())?;
    fs::write(out.join("grpc.rs"), contract.grpc_glue())?;
    fs::write(out.join("json.rs"), contract.json_glue())?;

    tonic_prost_build::configure()
        .build_transport(false)
        .codec_path("crate::wire::codec::Codec")
        // As the rules about attributes have them.
        .btree_map(".cognate.storage.v1.User.attributes")
        .skip_debug(
            contract
                .messages
                .iter()
                .filter(|message| !is_enum_scope(message))
                .map(|message| format!(".{}", message.full_name())),
        )
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// Every `.proto` file below a folder, as paths relative to it.
fn proto_files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                files.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What the contract says, with our annotations read.
struct Contract {
    operations: Vec<Operation>,
    messages: Vec<MessageDescriptor>,
    enums: Vec<EnumDescriptor>,
}

struct Operation {
    name: String,
    service: String,
    path: String,
    area: String,
    access: String,
    is_read_only: bool,
    /// Number and JSON name of the member that names the pool by its id or its ARN, of the one that holds tags, and of the one
    /// that holds keys of tags.
    pool_member: Option<(u32, String)>,
    tags_member: Option<(u32, String)>,
    tag_keys_member: Option<(u32, String)>,
    /// JSON names of the members that the audit trail shows.
    shown_members: Vec<String>,
    documentation: String,
    request: String,
    members: Vec<String>,
    /// `None` where Cognito's model has no output shape: `google.protobuf.Empty` over gRPC, an empty body on the AWS wire.
    response: Option<String>,
}

impl Contract {
    fn read(pool: &DescriptorPool) -> Result<Self, Failure> {
        let mut operations = Vec::new();
        for service in pool.services().filter(|service| service.package_name() == CONTRACT) {
            for method in service.methods() {
                operations.push(Operation::read(&method)?);
            }
        }
        operations.sort_by(|a, b| a.name.cmp(&b.name));
        let messages = pool
            .all_messages()
            .filter(|message| message.package_name() == CONTRACT && !message.is_map_entry())
            .filter(|message| message.parent_file().name() != "cognate/v1/annotations.proto")
            .collect();
        let enums = pool
            .all_enums()
            .filter(|each| {
                each.package_name() == CONTRACT && each.parent_file().name() != "cognate/v1/annotations.proto"
            })
            .collect();
        Ok(Contract { operations, messages, enums })
    }

    /// `Op`, and for every message: `Debug`, `Check`, `FromJson`, `Serialize`.
    fn plain_data(&self) -> Result<String, Failure> {
        let mut patterns = Patterns::default();
        let mut out = self.op_enum();
        for each in &self.enums {
            writeln!(out, "impl json::Named for {} {{", enum_path(each))?;
            let names: Vec<_> =
                each.values().filter(|value| value.number() != 0).map(|v| format!("{:?}", v.name())).collect();
            writeln!(out, "    const NAMES: &'static [&'static str] = &[{}];", names.join(", "))?;
            writeln!(
                out,
                "    fn name_of(number: i32) -> Option<&'static str> {{ Self::try_from(number).ok().filter(|_| number != 0).map(|value| value.as_str_name()) }}"
            )?;
            writeln!(
                out,
                "    fn number_of(name: &str) -> Option<i32> {{ Self::from_str_name(name).map(i32::from).filter(|number| *number != 0) }}"
            )?;
            writeln!(out, "}}")?;
        }
        for message in self.messages.iter().filter(|message| !is_enum_scope(message)) {
            debug_of(message, &mut out)?;
            from_json_of(message, &mut out)?;
            serialize_of(message, &mut out)?;
            if self.is_asked(message) {
                check_of(message, &mut patterns, &mut out)?;
            }
        }
        for (pattern, number) in &patterns.numbers {
            let (printed, translated) = (pattern, translate(pattern));
            writeln!(
                out,
                "static PATTERN_{number}: check::Pattern = check::Pattern::new({printed:?}, || check::compile({translated:?}));"
            )?;
        }
        let all: Vec<_> = patterns.numbers.values().map(|number| format!("&PATTERN_{number}")).collect();
        writeln!(out, "pub static PATTERNS: &[&check::Pattern] = &[{}];", all.join(", "))?;
        Ok(out)
    }

    /// Whether a message is a request or a part of one: only those are validated.
    fn is_asked(&self, message: &MessageDescriptor) -> bool {
        fn holds(outer: &MessageDescriptor, wanted: &MessageDescriptor) -> bool {
            // Free JSON holds more of its kind, and nothing of the contract.
            let is_ours = |inner: &MessageDescriptor| inner.package_name() == CONTRACT;
            let holds_it = |kind| matches!(kind, Kind::Message(inner) if is_ours(&inner) && holds(&inner, wanted));
            outer == wanted || outer.fields().any(|field| holds_it(field.kind()))
        }
        let requests = self
            .messages
            .iter()
            .filter(|each| self.operations.iter().any(|operation| operation.request == camel(each.name())));
        requests.into_iter().any(|request| holds(request, message))
    }

    fn op_enum(&self) -> String {
        let mut out = String::from(
            "/// An operation of the contract.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum Op {\n",
        );
        for operation in &self.operations {
            for line in operation.documentation.lines() {
                let _ = writeln!(out, "    ///{line}");
            }
            let _ = writeln!(out, "    {},", operation.name);
        }
        let all: Vec<_> = self.operations.iter().map(|operation| format!("Op::{}", operation.name)).collect();
        let _ = writeln!(
            out,
            "}}\nimpl Op {{\n    /// Every operation, by name.\n    pub const ALL: &'static [Op] = &[{}];",
            all.join(", ")
        );
        self.op_method(&mut out, "name", "its name, such as `SignUp`", "&'static str", |each| {
            format!("{:?}", each.name)
        });
        self.op_method(&mut out, "path", "its path over gRPC", "&'static str", |each| format!("{:?}", each.path));
        self.op_method(&mut out, "service", "its service over gRPC", "&'static str", |each| {
            format!("{:?}", each.service)
        });
        self.op_method(&mut out, "area", "what it is about: its folder", "&'static str", |each| {
            format!("{:?}", each.area)
        });
        self.op_method(&mut out, "access", "who may call it", "super::Access", |each| {
            format!("super::Access::{}", variant(&each.access))
        });
        self.op_method(&mut out, "is_read_only", "whether it changes nothing", "bool", |each| {
            each.is_read_only.to_string()
        });
        let member = "Option<(u32, &'static str)>";
        self.op_method(
            &mut out,
            "pool_member",
            "the member that names a pool: its number and JSON name",
            member,
            |each| format!("{:?}", each.pool_member),
        );
        self.op_method(
            &mut out,
            "tags_member",
            "the member that holds tags: its number and JSON name",
            member,
            |each| format!("{:?}", each.tags_member),
        );
        self.op_method(
            &mut out,
            "tag_keys_member",
            "the member that holds keys of tags: its number and JSON name",
            member,
            |each| format!("{:?}", each.tag_keys_member),
        );
        self.op_method(
            &mut out,
            "shown_members",
            "the JSON names of the members that hold nothing of a person or secret",
            "&'static [&'static str]",
            |each| format!("&{:?}", each.shown_members),
        );
        out.push_str("}\n");
        out
    }

    fn op_method(&self, out: &mut String, name: &str, purpose: &str, kind: &str, value: impl Fn(&Operation) -> String) {
        let _ = writeln!(
            out,
            "    /// Gives {purpose}.\n    pub const fn {name}(self) -> {kind} {{\n        match self {{"
        );
        for each in &self.operations {
            let _ = writeln!(out, "            Op::{} => {},", each.name, value(each));
        }
        out.push_str("        }\n    }\n");
    }

    /// `Rpc` for every request: what it answers, and which proof of the caller its `run` receives.
    fn operations(&self) -> String {
        let mut out = String::new();
        for each in &self.operations {
            let response = each.response.as_ref().map_or("()".into(), |name| format!("api::{name}"));
            let member = |name: &str| match each.members.iter().any(|member| member == name) {
                true => format!("\n    fn {name}(&self) -> Option<&str> {{ self.{name}.as_deref() }}"),
                false => String::new(),
            };
            let tags = each.tags_member.as_ref().map_or_else(String::new, |(_, name)| {
                format!("\n    fn tags(&self) -> Option<&Tags> {{ Some(&self.{}) }}", snake(name))
            });
            let tag_keys = each.tag_keys_member.as_ref().map_or_else(String::new, |(_, name)| {
                format!("\n    fn tag_keys(&self) -> &[String] {{ &self.{} }}", snake(name))
            });
            let pool = match &each.pool_member {
                Some((_, name)) if name == "ResourceArn" => {
                    "\n    fn user_pool_id(&self) -> Option<&str> { self.resource_arn.as_deref().and_then(pool_of_arn) }"
                        .to_owned()
                }
                _ => member("user_pool_id"),
            };
            let session = match each.access.as_str() {
                "SIGNED_IN_OR_IN_CHALLENGE" => member("session"),
                // Elsewhere a session says where a sign-in stands, and not who calls.
                _ => String::new(),
            };
            let metadata = match each.members.iter().any(|member| member == "client_metadata") {
                true => "\n    fn client_metadata(&self) -> Option<&Metadata> { Some(&self.client_metadata) }",
                false => "",
            };
            let members =
                member("access_token") + &member("client_id") + &session + &pool + &tags + &tag_keys + metadata;
            let _ = writeln!(
                out,
                "impl Rpc for api::{} {{\n    const OP: Op = Op::{};\n    type Response = {response};\n    type Caller = {};{members}\n}}",
                each.request,
                each.name,
                variant(&each.access),
            );
        }
        out
    }

    /// The tonic service traits, each method one call of the generic road.
    fn grpc_glue(&self) -> String {
        let mut services: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
        for each in &self.operations {
            services.entry(&each.service).or_default().push(each);
        }
        let mut out = String::new();
        let [mut fields, mut made, mut routes, mut calls] = [const { String::new() }; 4];
        for (service, operations) in services {
            let short = service.rsplit('.').next().unwrap_or(service);
            let module = format!("api::{}_server", snake(short));
            let field = snake(short);
            let _ = writeln!(fields, "    {field}: {module}::{short}Server<Grpc>,");
            let _ = writeln!(
                made,
                "            {field}: {module}::{short}Server::new(grpc.clone()).max_decoding_message_size(grpc.message_bytes_max()),"
            );
            let _ = writeln!(routes, "        routes.add_service(self.{field}.clone());");
            let _ = writeln!(calls, "            {service:?} => self.{field}.clone().call(request).await,");
            let _ = writeln!(out, "#[tonic::async_trait]\nimpl {module}::{short} for Grpc {{");
            for each in operations {
                let response = each.response.as_ref().map_or("()".into(), |name| format!("api::{name}"));
                let _ = writeln!(
                    out,
                    "    async fn {}(&self, request: tonic::Request<api::{}>) -> Result<tonic::Response<{response}>, tonic::Status> {{ self.call(request).await }}",
                    snake(&each.name),
                    each.request,
                );
            }
            out.push_str("}\n");
        }
        let _ = writeln!(
            out,
            "/// Every service of the contract.\n#[derive(Clone)]\npub struct Servers {{\n{fields}}}\nimpl Servers {{"
        );
        let _ = writeln!(
            out,
            "    pub fn new(grpc: &Grpc) -> Self {{\n        Servers {{\n{made}        }}\n    }}\n    /// As one set of routes.\n    pub fn routes(&self) -> tonic::service::Routes {{\n        let mut routes = tonic::service::RoutesBuilder::default();\n{routes}        routes.routes()\n    }}"
        );
        let _ = writeln!(
            out,
            "    /// Has the operation's service answer.\n    pub async fn call(&self, op: Op, request: Request) -> http::Response<tonic::body::Body> {{\n        use tower::Service as _;\n        let Ok(response) = match op.service() {{\n{calls}            _ => Ok(no_such_operation().into_http()),\n        }};\n        response\n    }}\n}}"
        );
        out
    }

    /// The AWS wire's one `match`: from the operation to the generic road.
    ///
    /// Each operation's future stands in a box of its own: together they are as large as the largest, and every request, over
    /// whichever wire, would carry that.
    fn json_glue(&self) -> String {
        let mut out = String::from(
            "async fn dispatch(app: &App, op: Op, call: Call, members: serde_json::Map<String, serde_json::Value>) -> Result<Option<Vec<u8>>, Refusal> {\n    match op {\n",
        );
        for each in &self.operations {
            let road = if each.response.is_some() { "answer" } else { "answer_empty" };
            let _ = writeln!(
                out,
                "        Op::{} => Box::pin({road}::<api::{}>(app, call, members)).await,",
                each.name, each.request
            );
        }
        out.push_str("    }\n}\n");
        out
    }
}

impl Operation {
    fn read(method: &MethodDescriptor) -> Result<Self, Failure> {
        let name = method.name().to_owned();
        let file = method.parent_service().parent_file().name().to_owned();
        let access = match option(&method.options(), "cognate.v1.access") {
            Some(Value::EnumNumber(number)) if number != 0 => {
                let levels = method
                    .parent_pool()
                    .get_enum_by_name("cognate.v1.Access.Level")
                    .ok_or("Access.Level is not defined")?;
                levels.get_value(number).ok_or("unknown access level")?.name().to_owned()
            }
            _ => return Err(format!("rpc {name} ({file}) has no `access` option: who may call it?").into()),
        };
        let (request, response) = (method.input(), method.output());
        if request.name() != format!("{name}Request") {
            return Err(format!("rpc {name} ({file}) takes {}, not {name}Request", request.name()).into());
        }
        let credentials: &[&str] = match access.as_str() {
            "SIGNED_IN" => &["access_token"],
            "SIGNED_IN_OR_IN_CHALLENGE" => &["access_token", "session"],
            _ => &[],
        };
        if let Some(absent) = credentials.iter().find(|field| request.get_field_by_name(field).is_none()) {
            return Err(format!("rpc {name} ({file}) is {access}, but its request has no {absent}").into());
        }
        let response = match response.full_name() {
            "google.protobuf.Empty" => None,
            _ => Some(camel(response.name())),
        };
        let area = request.parent_file().name().trim_start_matches("cognate/v1/").trim_end_matches(".proto").to_owned();
        let home = format!("src/operations/{area}/{}.rs", snake(&name));
        if !Path::new(&home).is_file() {
            return Err(format!("rpc {name} ({file}) has no file {home}").into());
        }
        let members = request.fields().map(|field| field.name().to_owned()).collect();
        let member =
            |name: &str| request.get_field_by_name(name).map(|field| (field.number(), field.json_name().to_owned()));
        let options = method.method_descriptor_proto().options.clone().unwrap_or_default();
        let is_read_only = options.idempotency_level() == IdempotencyLevel::NoSideEffects;
        let service = method.parent_service().full_name().to_owned();
        let path = format!("/{service}/{name}");
        Ok(Operation {
            path,
            service,
            area,
            is_read_only,
            pool_member: member("user_pool_id").or_else(|| member("resource_arn")),
            tags_member: member("user_pool_tags").or_else(|| member("tags")),
            tag_keys_member: member("tag_keys"),
            shown_members: request
                .fields()
                .filter(|field| is_shown(field, &access))
                .map(|field| field.json_name().to_owned())
                .collect(),
            access,
            documentation: documentation(method),
            request: camel(request.name()),
            members,
            response,
            name,
        })
    }
}

/// Whether the audit trail may show a member: ids of pools and clients; and what operators set, but nothing sensitive, in
/// whatever depth, and no maps, whose contents the contract does not know. Users' own requests hold codes and names, and a
/// filter the values it looks for.
fn is_shown(field: &FieldDescriptor, access: &str) -> bool {
    fn holds_nothing_sensitive(field: &FieldDescriptor) -> bool {
        !flag(field, "sensitive")
            && !field.is_map()
            && match field.kind() {
                Kind::Message(inner) => inner.fields().all(|field| holds_nothing_sensitive(&field)),
                _ => true,
            }
    }
    matches!(field.name(), "user_pool_id" | "client_id")
        || (access == "OPERATOR" && field.name() != "filter" && holds_nothing_sensitive(field))
}

/// The comment above an rpc.
fn documentation(method: &MethodDescriptor) -> String {
    let file = method.parent_service().parent_file();
    let locations =
        file.file_descriptor_proto().source_code_info.as_ref().map(|info| info.location.as_slice()).unwrap_or_default();
    let comment = locations
        .iter()
        .find(|location| location.path == method.path())
        .and_then(|location| location.leading_comments.clone());
    comment.unwrap_or_default()
}

// ---- one message ----------------------------------------------------------------------------------------------------

/// Messages that only hold an enum, so that its values have AWS's names.
fn is_enum_scope(message: &MessageDescriptor) -> bool {
    message.fields().len() == 0 && message.child_enums().len() > 0
}

fn debug_of(message: &MessageDescriptor, out: &mut String) -> Result<(), Failure> {
    let name = &camel(message.name());
    writeln!(
        out,
        "impl std::fmt::Debug for {name} {{\n    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{"
    )?;
    write!(out, "        out.debug_struct({name:?})")?;
    for field in message.fields() {
        let value = if flag(&field, "sensitive") { "&Redacted".into() } else { format!("&self.{}", field.name()) };
        write!(out, ".field({:?}, {value})", field.name())?;
    }
    writeln!(out, ".finish()\n    }}\n}}")?;
    Ok(())
}

fn from_json_of(message: &MessageDescriptor, out: &mut String) -> Result<(), Failure> {
    let name = &camel(message.name());
    writeln!(out, "impl json::FromJson for {name} {{")?;
    if name == "NotHonoured" {
        writeln!(out, "    const ANY_SHAPE: bool = true;")?;
    }
    writeln!(
        out,
        "    #[allow(unused_variables)]\n    fn from_json(members: &mut json::Members<'_>) -> Result<Self, json::Malformed> {{\n        Ok(Self {{"
    )?;
    for field in message.fields() {
        let reader = match Shape::of(&field) {
            Shape::Text { optional: true } => "text".into(),
            Shape::Text { optional: false } => "text_or_empty".into(),
            Shape::Integer => "integer".into(),
            Shape::Truth { optional: true } => "truth".into(),
            Shape::Truth { optional: false } => "truth_or_false".into(),
            Shape::Time => "time".into(),
            Shape::Enum(path) => format!("enumeration::<{path}>"),
            Shape::Message(_) => "message".into(),
            Shape::Document => "document".into(),
            Shape::Texts => "texts".into(),
            Shape::Enums(path) => format!("enumerations::<{path}>"),
            Shape::Messages => "messages".into(),
            Shape::Map => "map".to_owned(),
        };
        writeln!(out, "            {}: members.{reader}({:?})?,", field.name(), field.json_name())?;
    }
    writeln!(out, "        }})\n    }}\n}}")?;
    Ok(())
}

fn serialize_of(message: &MessageDescriptor, out: &mut String) -> Result<(), Failure> {
    let name = &camel(message.name());
    writeln!(
        out,
        "impl serde::Serialize for {name} {{\n    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {{ json::write(self, serializer) }}\n}}"
    )?;
    writeln!(
        out,
        "impl json::Told for {name} {{\n    #[allow(unused_variables)]\n    fn tell<M: json::TakeMembers>(&self, members: &mut M) -> Result<(), M::Error> {{"
    )?;
    for field in message.fields() {
        let (rust, member) = (format!("self.{}", field.name()), format!("{:?}", field.json_name()));
        // A list or map that is marked `required` is always sent, even empty.
        let filled = if flag(&field, "required") { String::new() } else { format!("if !{rust}.is_empty() ") };
        let line = match Shape::of(&field) {
            Shape::Text { optional: false } | Shape::Truth { optional: false } => {
                format!("members.member({member}, &{rust})?;")
            }
            Shape::Text { .. } | Shape::Truth { .. } | Shape::Integer | Shape::Message(_) => {
                format!("if let Some(value) = &{rust} {{ members.member({member}, value)?; }}")
            }
            Shape::Time => {
                format!("if let Some(value) = &{rust} {{ members.member({member}, &json::EpochSeconds(value))?; }}")
            }
            Shape::Document => {
                format!("if let Some(value) = &{rust} {{ members.member({member}, &json::Document(value))?; }}")
            }
            Shape::Enum(path) => format!(
                "if let Some(value) = {rust} {{ members.member({member}, &json::Name::<{path}>::new(value))?; }}"
            ),
            Shape::Enums(path) => {
                format!("{filled}{{ members.member({member}, &json::Name::<{path}>::list(&{rust}))?; }}")
            }
            Shape::Texts | Shape::Messages | Shape::Map => {
                format!("{filled}{{ members.member({member}, &{rust})?; }}")
            }
        };
        writeln!(out, "        {line}")?;
    }
    writeln!(out, "        Ok(())\n    }}\n}}")?;
    Ok(())
}

fn check_of(message: &MessageDescriptor, patterns: &mut Patterns, out: &mut String) -> Result<(), Failure> {
    let name = &camel(message.name());
    writeln!(
        out,
        "impl check::Check for {name} {{\n    #[allow(unused_variables)]\n    fn check(&self, check: &mut check::Checker<'_>) {{"
    )?;
    for field in message.fields() {
        let rust = format!("self.{}", field.name());
        let path = format!("{:?}", lower_first(field.json_name()));
        let bounds = Bounds::of(&field, patterns);
        let line = match Shape::of(&field) {
            Shape::Text { optional: true } => bounds.check("text", &path, &format!("{rust}.as_deref()")),
            Shape::Text { optional: false } => bounds.check("text", &path, &format!("Some({rust}.as_str())")),
            Shape::Integer => bounds.check("integer", &path, &format!("{rust}.map(i64::from)")),
            Shape::Enum(kind) => bounds.check(&format!("enumeration::<{kind}>"), &path, &rust),
            Shape::Message(kind) if kind == "NotHonoured" => {
                Some(format!("check.not_honoured({:?}, {rust}.is_some());", field.json_name()))
            }
            Shape::Message(_) => Some(format!("check.message({path}, {rust}.as_ref(), {});", bounds.required)),
            Shape::Texts => bounds.check("texts", &path, &format!("&{rust}")),
            Shape::Enums(kind) => Some(format!("check.enumerations::<{kind}>({path}, &{rust});")),
            Shape::Messages => Some(format!("check.messages({path}, &{rust}, {});", bounds.literal)),
            Shape::Map => bounds.check("map", &path, &format!("&{rust}")),
            Shape::Truth { .. } | Shape::Time | Shape::Document => {
                bounds.required.then(|| format!("check.present({path}, {rust}.is_some(), {});", bounds.sensitive))
            }
        };
        if let Some(line) = line {
            writeln!(out, "        {line}")?;
        }
    }
    writeln!(out, "    }}\n}}")?;
    Ok(())
}

/// The `required`, `sensitive` and `rule` options of a field, as a literal of `check::Bounds`.
struct Bounds {
    required: bool,
    sensitive: bool,
    bounded: bool,
    literal: String,
}

impl Bounds {
    fn of(field: &FieldDescriptor, patterns: &mut Patterns) -> Self {
        let (required, sensitive) = (flag(field, "required"), flag(field, "sensitive"));
        let rule = match option(&field.options(), "cognate.v1.rule") {
            Some(Value::Message(rule)) => Some(rule),
            _ => None,
        };
        let mut inner = |name| match rule.as_ref().and_then(|rule| option(rule, name)) {
            Some(Value::Message(inner)) => {
                format!("Some(&{})", bounds_literal(false, sensitive, Some(&inner), ["None", "None"], patterns))
            }
            _ => "None".to_owned(),
        };
        let (key, each) = (inner("key"), inner("each"));
        let literal = bounds_literal(required, sensitive, rule.as_ref(), [&key, &each], patterns);
        let is_enum = matches!(Shape::of(field), Shape::Enum(_));
        Bounds { required, sensitive, bounded: required || rule.is_some() || is_enum, literal: format!("&{literal}") }
    }

    fn check(&self, method: &str, path: &str, value: &str) -> Option<String> {
        self.bounded.then(|| format!("check.{method}({path}, {value}, {});", self.literal))
    }
}

fn bounds_literal(
    required: bool,
    sensitive: bool,
    rule: Option<&DynamicMessage>,
    [key, each]: [&str; 2],
    patterns: &mut Patterns,
) -> String {
    let number = |name| match rule.and_then(|rule| option(rule, name)) {
        Some(Value::I64(number)) => format!("Some({number})"),
        _ => "None".into(),
    };
    let (min, max) = (number("min"), number("max"));
    let pattern = match rule.and_then(|rule| option(rule, "pattern")) {
        Some(Value::String(pattern)) => format!("Some(&PATTERN_{})", patterns.number_of(&pattern)),
        _ => "None".into(),
    };
    format!(
        "check::Bounds {{ required: {required}, sensitive: {sensitive}, min: {min}, max: {max}, pattern: {pattern}, key: {key}, each: {each} }}"
    )
}

/// The distinct patterns of the contract, each compiled once.
#[derive(Default)]
struct Patterns {
    numbers: BTreeMap<String, usize>,
}

impl Patterns {
    fn number_of(&mut self, pattern: &str) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(pattern.to_owned()).or_insert(next)
    }
}

/// Java's pattern in the syntax of the `regex` crate: the classes `\w \s \S` know only ASCII there.
fn translate(pattern: &str) -> String {
    let (mut out, mut in_class, mut characters) = (String::from(r"\A(?:"), false, pattern.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let class = match characters.next() {
                    Some('w') => "0-9A-Za-z_",
                    Some('s') => r"\t\n\x0B\x0C\r\x20",
                    Some('S') => r"[^\t\n\x0B\x0C\r\x20]",
                    Some(other) => {
                        out.extend(['\\', other]);
                        continue;
                    }
                    None => "\\",
                };
                if in_class || class.starts_with('[') {
                    out.push_str(class)
                } else {
                    let _ = write!(out, "[{class}]");
                }
                continue;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        out.push(character);
    }
    out + r")\z"
}

// ---- descriptors ----------------------------------------------------------------------------------------------------

/// What a field holds, of the kinds that the contract uses.
enum Shape {
    Text {
        optional: bool,
    },
    Integer,
    Truth {
        optional: bool,
    },
    Time,
    Enum(String),
    Message(String),
    /// Free JSON.
    Document,
    Texts,
    Enums(String),
    Messages,
    Map,
}

impl Shape {
    fn of(field: &FieldDescriptor) -> Self {
        let optional = field.supports_presence();
        match field.kind() {
            Kind::Message(entry) if field.is_map() => match entry.map_entry_value_field().kind() {
                Kind::String => Shape::Map,
                _ => unknown_shape(field),
            },
            Kind::String if field.is_list() => Shape::Texts,
            Kind::Enum(kind) if field.is_list() => Shape::Enums(enum_path(&kind)),
            Kind::Message(_) if field.is_list() => Shape::Messages,
            Kind::String => Shape::Text { optional },
            Kind::Bool if !field.is_list() => Shape::Truth { optional },
            Kind::Int32 | Kind::Int64 if optional => Shape::Integer,
            Kind::Enum(kind) if optional => Shape::Enum(enum_path(&kind)),
            Kind::Message(kind) if kind.full_name() == "google.protobuf.Timestamp" => Shape::Time,
            Kind::Message(kind) if kind.full_name() == "google.protobuf.Struct" => Shape::Document,
            Kind::Message(kind) => Shape::Message(kind.name().to_owned()),
            _ => unknown_shape(field),
        }
    }
}

fn unknown_shape(field: &FieldDescriptor) -> ! {
    panic!("{}: build.rs does not know this kind of field yet; teach `Shape` about it", field.full_name())
}

fn option(message: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = message.descriptor().parent_pool().get_extension_by_name(name);
    match extension {
        Some(extension) => message.has_extension(&extension).then(|| message.get_extension(&extension).into_owned()),
        None => message
            .has_field_by_name(name)
            .then(|| message.get_field_by_name(name))
            .flatten()
            .map(|value| value.into_owned()),
    }
}

fn flag(field: &FieldDescriptor, name: &str) -> bool {
    matches!(option(&field.options(), &format!("cognate.v1.{name}")), Some(Value::Bool(true)))
}

/// `AuthFlow.Value` → `auth_flow::Value`.
fn enum_path(descriptor: &EnumDescriptor) -> String {
    let scope = descriptor.parent_message().map(|message| format!("{}::", snake(message.name())));
    scope.unwrap_or_default() + descriptor.name()
}

/// `SetUserMFAPreference` → `set_user_mfa_preference`.
fn snake(name: &str) -> String {
    words(name).join("_")
}

/// `SetUserMFAPreference` → `SetUserMfaPreference`, as prost names types.
fn camel(name: &str) -> String {
    words(name).iter().map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

/// The words of a name, in lower case. Of letters in upper case that follow each other, the last begins a word if one in lower
/// case follows it.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        let follows_upper = at > 0 && letters[at - 1].is_uppercase();
        let precedes_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        match words.last_mut() {
            Some(word) if !letter.is_uppercase() || follows_upper && !precedes_lower => {
                word.push(letter.to_ascii_lowercase());
            }
            _ => words.push(letter.to_ascii_lowercase().to_string()),
        }
    }
    words
}

/// `SIGNED_IN` → `SignedIn`.
fn variant(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_owned() + &word[1..].to_ascii_lowercase()).collect()
}

fn lower_first(name: &str) -> String {
    name[..1].to_ascii_lowercase() + &name[1..]
}
