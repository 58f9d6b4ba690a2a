//! The connection strings of databases, as every driver would read them.

use crate::check::{Because, Check, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::dsn::{Driver, DsnFacts, Malformation};
use crate::evidence::Value;
use crate::facts::Identity;
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::{Text, text};

pub const DB_MALFORMED: Check = Check {
    id: "ENV-DB-MALFORMED",
    kind: Kind::Variables,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text(
        "The database's connection string is not usable by every driver",
        "La chaîne de connexion de la base n'est pas lisible par tous les pilotes",
    ),
    remedy: text(
        "Percent-encode the password, name host and database, and keep options of one driver out of the string.",
        "Encodez le mot de passe (%xx), nommez l'hôte et la base, et gardez les options d'un seul pilote hors de la chaîne.",
    ),
    reads: &[Question::Variables],
    faults: &[
        Fault {
            code: "keys",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "{subject} has {count} query keys that no PostgreSQL driver knows: they are ignored, or refuse the string.",
                "{subject} a {count} clés de requête qu'aucun pilote PostgreSQL ne connaît : elles sont ignorées, ou font refuser la chaîne.",
            ),
            broken: |s| change(s, |dsn| dsn.unknown_keys = 1),
        },
        Fault {
            code: "mixed",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "{subject} mixes keys that only Prisma knows ({prisma}) with keys that only node-postgres knows ({node}).",
                "{subject} mélange des clés que seul Prisma connaît ({prisma}) et d'autres que seul node-postgres connaît ({node}).",
            ),
            broken: |s| change(s, |dsn| dsn.keys = vec!["schema".to_owned(), "uselibpqcompat".to_owned()]),
        },
        malformed(
            "whitespace",
            text(
                "{subject} begins or ends with white space: some drivers cut it off, libpq does not.",
                "{subject} commence ou finit par des espaces : certains pilotes les retirent, libpq non.",
            ),
            |s| wrong(s, Malformation::Whitespace),
        ),
        malformed(
            "sslmode",
            text(
                "{subject} has an sslmode that no driver knows.",
                "{subject} a un sslmode qu'aucun pilote ne connaît.",
            ),
            |s| wrong(s, Malformation::Sslmode),
        ),
        malformed(
            "no-database",
            text(
                "{subject} names no database: each driver then takes another one.",
                "{subject} ne nomme aucune base : chaque pilote en prend alors une autre.",
            ),
            |s| wrong(s, Malformation::NoDatabase),
        ),
        malformed(
            "password",
            text(
                "{subject}: user or password hold {what} that is not percent-encoded; the drivers do not read the same password.",
                "{subject} : l'utilisateur ou le mot de passe contient {what} sans encodage %xx ; les pilotes ne lisent pas le même mot de passe.",
            ),
            |s| wrong(s, Malformation::RawAt),
        ),
        malformed(
            "encoding",
            text(
                "{subject}: its percent escapes do not make UTF-8 text.",
                "{subject} : ses séquences %xx ne forment pas un texte UTF-8.",
            ),
            |s| wrong(s, Malformation::Encoding),
        ),
        malformed(
            "port",
            text(
                "{subject}: the port is not a number from 1 to 65535.",
                "{subject} : le port n'est pas un nombre de 1 à 65535.",
            ),
            |s| wrong(s, Malformation::Port),
        ),
        malformed(
            "host",
            text(
                "{subject}: the host is neither a DNS name nor an address.",
                "{subject} : l'hôte n'est ni un nom DNS ni une adresse.",
            ),
            |s| wrong(s, Malformation::Host),
        ),
        malformed("no-host", text("{subject} names no host.", "{subject} ne nomme aucun hôte."), |s| {
            wrong(s, Malformation::NoHost);
        }),
        malformed(
            "scheme",
            text(
                "{subject} does not begin with postgres:// or postgresql://.",
                "{subject} ne commence pas par postgres:// ou postgresql://.",
            ),
            |s| wrong(s, Malformation::Scheme),
        ),
        malformed("too-long", text("{subject} is longer than 8 KB.", "{subject} dépasse 8 ko."), |s| {
            wrong(s, Malformation::TooLong)
        }),
    ],
    judge: |cx, say| {
        let variables = &cx.facts.variables;
        for postgres in cx.facts.postgres.values() {
            let judged = variables.find(&postgres.variable).and_then(|_| read(&postgres.dsn));
            say.subject(&postgres.variable, judged);
        }
        // A database that is not known of may be in a source that was not read.
        for variable in cx.contract().databases.values() {
            let known = cx.facts.postgres.values().any(|postgres| postgres.variable == *variable);
            if let (false, Err(gap)) = (known, variables.find(variable)) {
                say.subject(variable, Err(gap));
            }
        }
    },
};

const fn malformed(code: &'static str, says: Text, broken: fn(&mut Snapshot)) -> Fault {
    Fault { code, level: Level::Column, limit: Limit::None, says, broken }
}

fn read(dsn: &DsnFacts) -> Judgement {
    let because = match dsn.worst() {
        Some(worst) => because(worst),
        None => match (dsn.only_of(Driver::Prisma), dsn.only_of(Driver::NodePostgres)) {
            (prisma, node) if !prisma.is_empty() && !node.is_empty() => {
                fault("mixed").with("prisma", Value::names(prisma)).with("node", Value::names(node))
            }
            _ if dsn.unknown_keys > 0 => fault("keys").with("count", Value::Count(dsn.unknown_keys.into())),
            _ => return Ok(None),
        },
    };
    Ok(Some(because.asked_as(Identity::Nobody)))
}

/// What a malformation is called. Of the password only the kind of character is said.
fn because(malformation: Malformation) -> Because {
    let password = |what: &str| fault("password").with("what", Value::name(what));
    match malformation {
        Malformation::Whitespace => fault("whitespace"),
        Malformation::Sslmode => fault("sslmode"),
        Malformation::NoDatabase => fault("no-database"),
        Malformation::RawSpace => password("' '"),
        Malformation::RawPercent => password("%"),
        Malformation::RawAt => password("@"),
        Malformation::RawReserved => password("/ ? #"),
        Malformation::Encoding => fault("encoding"),
        Malformation::Port => fault("port"),
        Malformation::Host => fault("host"),
        Malformation::NoHost => fault("no-host"),
        Malformation::Scheme => fault("scheme"),
        Malformation::TooLong => fault("too-long"),
    }
}

fn wrong(snapshot: &mut Snapshot, malformation: Malformation) {
    change(snapshot, |dsn| dsn.malformed = vec![malformation]);
}

fn change(snapshot: &mut Snapshot, change: impl FnOnce(&mut DsnFacts)) {
    if let Some(postgres) = snapshot.facts.postgres.get_mut("postgres") {
        change(&mut postgres.dsn);
    }
}
