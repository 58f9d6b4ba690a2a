//! RDS: the databases behind the app's connection strings, asked as the auditor. Only in the full suite.

use std::sync::Arc;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Database, Rds};
use vigie_core::facts::{Fact, Gap, Identity, Ladder};
use vigie_core::targets::RdsTarget;

use crate::ask::Ask;
use crate::sdk;
use crate::shared::once;

/// The most instances, and the most clusters, that are read.
const MOST: usize = 1000;

/// Finds the databases by the host of a connection string or by name.
pub async fn observe(ask: &Ask, target: &RdsTarget) -> Rds {
    if ask.suite < Suite::Full {
        return missing(Cause::NotAsked);
    }
    let client = Client::new(&ask.auditor_at_app());
    let (ladder, databases) = sdk::climb(ask, Identity::Auditor, || async {
        let both = async {
            let both = futures::try_join!(Box::pin(instances(ask, &client)), Box::pin(clusters(ask, &client)));
            both.map(Arc::new)
        };
        let both = once(ask, "rds:DescribeDBInstances", both).await?;
        Ok(databases(target, &both.0, &both.1))
    })
    .await;
    Rds { ladder, databases: databases.into() }
}

/// What is left of the facts when nothing could be asked.
#[must_use]
pub fn missing(cause: Cause) -> Rds {
    Rds { ladder: Ladder::default(), databases: Fact::gap(cause, Identity::Auditor) }
}

async fn instances(ask: &Ask, client: &Client) -> Result<Vec<DbInstance>, Gap> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let request = client.describe_db_instances().max_records(100).set_marker(marker).send();
        let page = sdk::call(ask, "rds:DescribeDBInstances", Identity::Auditor, Box::pin(request)).await?;
        all.extend(page.db_instances.unwrap_or_default());
        marker = page.marker.filter(|marker| !marker.is_empty());
        match marker {
            None => return Ok(all),
            Some(_) if all.len() >= MOST => return Err(Gap::new(Cause::TooLarge, Identity::Auditor)),
            Some(_) => {}
        }
    }
}

async fn clusters(ask: &Ask, client: &Client) -> Result<Vec<DbCluster>, Gap> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let request = client.describe_db_clusters().max_records(100).set_marker(marker).send();
        let page = sdk::call(ask, "rds:DescribeDBClusters", Identity::Auditor, Box::pin(request)).await?;
        all.extend(page.db_clusters.unwrap_or_default());
        marker = page.marker.filter(|marker| !marker.is_empty());
        match marker {
            None => return Ok(all),
            Some(_) if all.len() >= MOST => return Err(Gap::new(Cause::TooLarge, Identity::Auditor)),
            Some(_) => {}
        }
    }
}

/// Those that the app uses. A host that no database has is not RDS; a name that none has is not found.
fn databases(target: &RdsTarget, instances: &[DbInstance], clusters: &[DbCluster]) -> Named<Fact<Database>> {
    let is_host =
        |host: Option<&str>| host.is_some_and(|host| target.hosts.iter().any(|h| h.eq_ignore_ascii_case(host)));
    let is_name =
        |name: Option<&str>| name.is_some_and(|name| target.names.iter().any(|n| n.eq_ignore_ascii_case(name)));
    let mut found: Named<Fact<Database>> = Named::new();
    let mut of_clusters: Vec<&str> = Vec::new();
    let mut met: Vec<&str> = Vec::new();
    for instance in instances {
        let host = instance.endpoint().and_then(|endpoint| endpoint.address());
        let name = instance.db_instance_identifier();
        if !is_host(host) && !is_name(name) {
            continue;
        }
        met.extend(name);
        match instance.db_cluster_identifier().filter(|cluster| !cluster.is_empty()) {
            // Backups are the cluster's.
            Some(cluster) => of_clusters.push(cluster),
            None => drop(found.insert(clean(name.unwrap_or_default()), Fact::Known(of_instance(instance)))),
        }
    }
    for cluster in clusters {
        let name = cluster.db_cluster_identifier();
        let hosts = [cluster.endpoint(), cluster.reader_endpoint()];
        let custom = cluster.custom_endpoints().iter().map(|host| Some(host.as_str()));
        let ours = name.is_some_and(|name| of_clusters.contains(&name));
        if ours || is_name(name) || hosts.into_iter().chain(custom).any(is_host) {
            met.extend(name);
            found.insert(clean(name.unwrap_or_default()), Fact::Known(of_cluster(cluster)));
        }
    }
    for name in target.names.iter().filter(|name| !met.iter().any(|met| met.eq_ignore_ascii_case(name))) {
        found.insert(clean(name), Fact::gap(Cause::NotFound, Identity::Auditor));
    }
    found
}

fn of_instance(instance: &DbInstance) -> Database {
    let source =
        [instance.read_replica_source_db_instance_identifier(), instance.read_replica_source_db_cluster_identifier()];
    Database {
        cluster: false,
        replica: source.into_iter().flatten().any(|source| !source.is_empty()),
        members: Vec::new(),
        backup_retention: days(instance.backup_retention_period()),
        latest_restorable: sdk::timestamp(instance.latest_restorable_time()),
    }
}

fn of_cluster(cluster: &DbCluster) -> Database {
    let members = cluster.db_cluster_members().iter().filter_map(|member| member.db_instance_identifier());
    Database {
        cluster: true,
        replica: cluster.replication_source_identifier().is_some_and(|source| !source.is_empty()),
        members: members.map(clean).collect(),
        backup_retention: days(cluster.backup_retention_period()),
        latest_restorable: sdk::timestamp(cluster.latest_restorable_time()),
    }
}

fn days(days: Option<i32>) -> u32 {
    days.and_then(|days| u32::try_from(days).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_rds::types::{DbClusterMember, Endpoint};

    fn instance(name: &str, host: &str) -> aws_sdk_rds::types::builders::DbInstanceBuilder {
        DbInstance::builder()
            .db_instance_identifier(name)
            .endpoint(Endpoint::builder().address(host).build())
            .backup_retention_period(7)
    }

    fn target(hosts: &[&str], names: &[&str]) -> RdsTarget {
        let own = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
        RdsTarget { hosts: own(hosts), names: own(names) }
    }

    #[test]
    fn databases_are_found_by_host_or_name() {
        let all = [
            instance("shop", "shop.abc.eu-west-3.rds.amazonaws.com").build(),
            instance("other", "other.abc.eu-west-3.rds.amazonaws.com").build(),
            instance("copy", "copy.abc.eu-west-3.rds.amazonaws.com")
                .read_replica_source_db_instance_identifier("shop")
                .build(),
        ];
        let found = databases(&target(&["SHOP.abc.eu-west-3.rds.amazonaws.com", "db.neon.tech"], &["copy"]), &all, &[]);
        let replicas: Vec<_> = found.iter().map(|(name, d)| (name.as_str(), d.get().unwrap().replica)).collect();
        assert_eq!(replicas, [("copy", true), ("shop", false)]);
    }

    #[test]
    fn an_instance_of_a_cluster_is_the_cluster() {
        let member = instance("aurora-1", "aurora-1.abc.eu-west-3.rds.amazonaws.com").db_cluster_identifier("aurora");
        let cluster = DbCluster::builder()
            .db_cluster_identifier("aurora")
            .endpoint("aurora.cluster-abc.eu-west-3.rds.amazonaws.com")
            .db_cluster_members(DbClusterMember::builder().db_instance_identifier("aurora-1").build())
            .backup_retention_period(1)
            .build();
        for host in ["aurora-1.abc.eu-west-3.rds.amazonaws.com", "aurora.cluster-abc.eu-west-3.rds.amazonaws.com"] {
            let found = databases(&target(&[host], &[]), &[member.clone().build()], std::slice::from_ref(&cluster));
            assert_eq!(found.keys().collect::<Vec<_>>(), ["aurora"]);
            let database = found["aurora"].get().unwrap();
            assert_eq!((database.cluster, database.backup_retention), (true, 1));
            assert_eq!(database.members, ["aurora-1"]);
        }
    }

    #[test]
    fn a_name_that_is_not_there_is_a_gap() {
        let found = databases(&target(&[], &["gone"]), &[], &[]);
        assert_eq!(found["gone"], Fact::gap(Cause::NotFound, Identity::Auditor));
    }
}
