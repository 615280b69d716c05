//! Which Redis: one server, one found through sentinels, or a cluster; and how a connection to it is made.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, Pipeline, TlsMode,
    aio::{MultiplexedConnection, PubSub},
    cluster::{ClusterClient, ClusterConfig},
    cluster_async::ClusterConnection,
    cmd,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use tokio::sync::Mutex;
use url::Url;

use super::{RedisWireError, link::Link};

const CONNECT: Duration = Duration::from_secs(3);

/// The oldest version with `BLMPOP`, which takes many at once.
const OLDEST: u32 = 7;

pub(super) enum Server {
    Single(Box<Client>),
    Sentinel(Box<Mutex<SentinelClient>>),
    /// The second is any node: it hears what is published on every other.
    Cluster(Box<ClusterClient>, Box<Client>),
}

pub(super) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Server {
    /// Reads an address. Nothing is connected yet.
    pub(super) fn parse(url: &str) -> Result<Self, RedisWireError> {
        let wrong = |what: &str| RedisWireError::Url(format!("{what}; the default settings describe the valid forms"));
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no scheme such as redis://"))?;
        let (scheme, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !["redis", "rediss"].contains(&scheme) {
            return Err(wrong(&format!("{scheme}:// is not the scheme of a Redis address")));
        }
        if scheme == "rediss" {
            herald_base::tls::use_ring();
        }
        match kind {
            "" => Ok(Self::Single(Box::new(Client::open(url).map_err(|error| wrong(&error.to_string()))?))),
            "cluster" => {
                let nodes = Nodes::parse(scheme, rest).map_err(|error| wrong(&error))?;
                let urls: Vec<String> = nodes.hosts.iter().map(|host| format!("{}{host}", nodes.begin)).collect();
                let any = Client::open(urls[0].as_str()).map_err(|error| wrong(&error.to_string()))?;
                let cluster = ClusterClient::new(urls).map_err(|error| wrong(&error.to_string()))?;
                Ok(Self::Cluster(Box::new(cluster), Box::new(any)))
            }
            "sentinel" => {
                let nodes = Nodes::parse(scheme, rest).map_err(|error| wrong(&error))?;
                Ok(Self::Sentinel(Box::new(Mutex::new(sentinel(scheme, &nodes).map_err(|error| wrong(&error))?))))
            }
            kind => Err(wrong(&format!("+{kind} is neither +sentinel nor +cluster"))),
        }
    }

    /// A new connection whose answers may take as long as `answer`.
    pub(super) async fn connect(&self, answer: Duration) -> redis::RedisResult<Connection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(answer));
        Ok(match self {
            Self::Single(client) => {
                Connection::Server(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Sentinel(sentinel) => {
                let mut sentinel = sentinel.lock().await;
                Connection::Server(sentinel.get_async_connection_with_config(&config).await?)
            }
            Self::Cluster(cluster, _) => {
                let config = ClusterConfig::new().set_connection_timeout(CONNECT).set_response_timeout(answer);
                Connection::Cluster(cluster.get_async_connection_with_config(config).await?)
            }
        })
    }

    /// A new connection that listens.
    pub(super) async fn listen(&self) -> redis::RedisResult<PubSub> {
        match self {
            Self::Single(client) | Self::Cluster(_, client) => client.get_async_pubsub().await,
            Self::Sentinel(sentinel) => {
                let client = sentinel.lock().await.async_get_client().await?;
                client.get_async_pubsub().await
            }
        }
    }
}

impl Connection {
    pub(super) async fn run<T: FromRedisValue>(&mut self, command: &Cmd) -> redis::RedisResult<T> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    pub(super) async fn run_all<T: FromRedisValue>(&mut self, commands: &Pipeline) -> redis::RedisResult<T> {
        match self {
            Self::Server(connection) => commands.query_async(connection).await,
            Self::Cluster(connection) => commands.query_async(connection).await,
        }
    }

    /// A second handle on the same connection.
    pub(super) fn share(&self) -> Self {
        match self {
            Self::Server(connection) => Self::Server(connection.clone()),
            Self::Cluster(connection) => Self::Cluster(connection.clone()),
        }
    }
}

/// `user:password@host:port,host:port/path`, which no URL parser takes for its many hosts.
struct Nodes<'a> {
    /// Scheme and credentials, to be put before a host.
    begin: String,
    hosts: Vec<&'a str>,
    path: Vec<&'a str>,
}

impl<'a> Nodes<'a> {
    fn parse(scheme: &str, rest: &'a str) -> Result<Self, String> {
        let (credentials, rest) = rest.rsplit_once('@').map_or(("", rest), |(credentials, rest)| (credentials, rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts: Vec<&str> = hosts.split(',').filter(|host| !host.is_empty()).collect();
        if hosts.is_empty() {
            return Err("it does not name a host".to_owned());
        }
        let at = if credentials.is_empty() { "" } else { "@" };
        let path = path.split('/').filter(|part| !part.is_empty()).collect();
        Ok(Self { begin: format!("{scheme}://{credentials}{at}"), hosts, path })
    }
}

fn sentinel(scheme: &str, nodes: &Nodes<'_>) -> Result<SentinelClient, String> {
    let service =
        nodes.path.first().ok_or("it does not name the service that the sentinels watch, as in …/mymaster")?;
    let mut addresses: Vec<ConnectionAddr> = Vec::new();
    for host in &nodes.hosts {
        let port = if host.contains(':') { "" } else { ":26379" };
        let info =
            format!("redis://{host}{port}").as_str().into_connection_info().map_err(|error| error.to_string())?;
        addresses.push(info.addr().clone());
    }
    let mut builder = SentinelClientBuilder::new(addresses, *service, SentinelServerType::Master)
        .map_err(|error| error.to_string())?;
    let url = Url::parse(&format!("{}{}", nodes.begin, nodes.hosts[0])).map_err(|error| error.to_string())?;
    if let Some(password) = url.password() {
        builder = builder.set_client_to_redis_password(decoded(password)?);
    }
    if !url.username().is_empty() {
        builder = builder.set_client_to_redis_username(decoded(url.username())?);
    }
    if let Some(db) = nodes.path.get(1) {
        builder = builder.set_client_to_redis_db(db.parse().map_err(|_| format!("{db:?} is not a database number"))?);
    }
    if scheme == "rediss" {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    builder.build().map_err(|error| error.to_string())
}

fn decoded(text: &str) -> Result<String, String> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| "its user or password is not UTF-8".to_owned())
}

/// What a Redis says of itself; of a cluster, what its nodes say.
#[derive(Clone, Debug)]
pub struct About {
    /// Their versions; none if they do not tell.
    pub versions: Vec<String>,
    /// What they do when their memory is full; none if they do not tell.
    pub maxmemory_policies: Vec<String>,
}

pub(super) async fn about(link: &Link) -> Result<About, RedisWireError> {
    let mut texts = Vec::new();
    every_text(&link.run(&cmd("INFO")).await?, &mut texts);
    let say = |key: &str| -> Vec<String> {
        let lines = texts.iter().flat_map(|text| text.lines());
        lines.filter_map(|line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim().to_owned())).collect()
    };
    Ok(About { versions: say("redis_version"), maxmemory_policies: say("maxmemory_policy") })
}

pub(super) async fn check_version(link: &Link) -> Result<(), RedisWireError> {
    for version in about(link).await?.versions {
        let major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(OLDEST);
        if major < OLDEST {
            return Err(RedisWireError::TooOld(version));
        }
    }
    Ok(())
}

/// The texts of an answer: one server gives one, a cluster one for each node.
fn every_text(answer: &redis::Value, texts: &mut Vec<String>) {
    match answer {
        redis::Value::BulkString(text) => texts.push(String::from_utf8_lossy(text).into_owned()),
        redis::Value::VerbatimString { text, .. } | redis::Value::SimpleString(text) => texts.push(text.clone()),
        redis::Value::Array(parts) => parts.iter().for_each(|part| every_text(part, texts)),
        redis::Value::Map(parts) => parts.iter().for_each(|(_, part)| every_text(part, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Server::parse(url).err().expect("it is refused").to_string()
    }

    #[test]
    fn every_form_of_address_is_understood() {
        for url in [
            "redis://127.0.0.1",
            "redis://user:secret@127.0.0.1:6380/3",
            "rediss://:secret@cache.example:6380",
            "redis+sentinel://:secret@a.example:26379,b.example/mymaster/2",
            "rediss+sentinel://user:p%40ss@a.example/mymaster",
            "redis+cluster://:secret@a.example:7000,b.example:7001",
            "rediss+cluster://a.example",
        ] {
            assert!(Server::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_is_wrong_and_without_the_password() {
        for (url, says) in [
            ("127.0.0.1:6379", "no scheme"),
            ("http://:hunter2@127.0.0.1", "http://"),
            ("redis+ring://:hunter2@a", "+ring"),
            ("redis+sentinel://:hunter2@a.example", "service"),
            ("redis+sentinel://:hunter2@a.example/mymaster/two", "database number"),
            ("redis+cluster://:hunter2@", "does not name a host"),
        ] {
            let error = refused(url);
            assert!(error.contains(says) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
