//! The one list of causes: why a rung failed or a fact could not be had.

use crate::text::{Text, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $en:literal, $fr:literal;)*) => {
        /// Why something failed or could not be known. The code is stable; the sentence says what to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Cause { $($(#[$doc])* #[serde(rename = $code)] $name,)* }

        impl Cause {
            pub const ALL: &'static [Cause] = &[$(Cause::$name,)*];

            /// The stable code, as in JSON.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Cause::$name => $code,)* } }

            /// What happened and what to do, in both languages.
            #[must_use]
            pub const fn says(self) -> Text { match self { $(Cause::$name => text($en, $fr),)* } }
        }
    };
}

causes! {
    Dns = "dns", "The name does not resolve. Check the host name and the DNS zone.", "Le nom ne se résout pas. Vérifiez le nom d'hôte et la zone DNS.";
    DnsTimeout = "dns-timeout", "The resolver did not answer. Check the resolver and the network.", "Le résolveur n'a pas répondu. Vérifiez le résolveur et le réseau.";
    AddressRefused = "address-refused", "The address is one that Vigie does not connect to (metadata or link-local). Correct the URL.", "Vigie ne se connecte pas à cette adresse (métadonnées ou lien local). Corrigez l'URL.";
    Refused = "refused", "The host answers but nothing listens on the port. Start the server or correct the port.", "L'hôte répond mais rien n'écoute sur le port. Démarrez le serveur ou corrigez le port.";
    Unreachable = "unreachable", "There is no route to the host. Check the VPC, the route table and the NAT.", "Aucune route vers l'hôte. Vérifiez le VPC, la table de routage et le NAT.";
    NoPublicRoute = "no-public-route", "The address is public, and the installation declares that it has no way there. Add a NAT and set public = true.", "L'adresse est publique et l'installation déclare n'y avoir aucun accès. Ajoutez un NAT et mettez public = true.";
    Timeout = "timeout", "No answer in time. Check security groups, firewalls and the load of the server.", "Pas de réponse à temps. Vérifiez les groupes de sécurité, les pare-feu et la charge du serveur.";
    Reset = "reset", "The connection was cut. Check proxies, TLS settings and the server's log.", "La connexion a été coupée. Vérifiez les mandataires, les réglages TLS et le journal du serveur.";
    TlsExpired = "tls-expired", "The certificate has expired. Renew it.", "Le certificat a expiré. Renouvelez-le.";
    TlsNotYet = "tls-not-yet-valid", "The certificate is not valid yet. Check its dates and the clocks.", "Le certificat n'est pas encore valide. Vérifiez ses dates et les horloges.";
    TlsHostname = "tls-hostname", "The certificate is for another name. Use the name that it carries or issue one for this name.", "Le certificat est pour un autre nom. Utilisez le nom qu'il porte ou émettez-en un pour ce nom.";
    TlsUntrusted = "tls-untrusted", "The certificate's issuer is not trusted. Give the provider's CA, or extra_ca for a private one.", "L'émetteur du certificat n'est pas de confiance. Donnez la CA du fournisseur, ou extra_ca pour une CA privée.";
    TlsRefused = "tls-refused", "The server does not offer TLS. Turn it on.", "Le serveur n'offre pas TLS. Activez-le.";
    TlsFailed = "tls-failed", "The TLS handshake failed. Check protocol versions and ciphers.", "La négociation TLS a échoué. Vérifiez les versions et les suites.";
    Auth = "auth", "The user or password is refused. Correct the credential.", "L'utilisateur ou le mot de passe est refusé. Corrigez l'identifiant.";
    AuthMethod = "auth-method", "The server has no entry that admits this user from this address (pg_hba). Add one.", "Le serveur n'admet pas cet utilisateur depuis cette adresse (pg_hba). Ajoutez une entrée.";
    NoDatabase = "no-database", "The database does not exist. Correct its name or create it.", "La base n'existe pas. Corrigez son nom ou créez-la.";
    NoSlots = "no-slots", "The server has no free connection slot. Lower the pool or add a pooler.", "Le serveur n'a plus de connexion libre. Réduisez le pool ou ajoutez un pooler.";
    Starting = "starting", "The server is starting up or recovering. Wait, then look at its log.", "Le serveur démarre ou se rétablit. Attendez, puis lisez son journal.";
    ExpiredToken = "expired-token", "The session token has expired. Export a fresh one or move to a role.", "Le jeton de session a expiré. Exportez-en un nouveau ou passez à un rôle.";
    InvalidKey = "invalid-key", "The access key is unknown to AWS. Replace it.", "La clé d'accès est inconnue d'AWS. Remplacez-la.";
    Signature = "signature", "The signature does not match. Check the secret key for stray characters.", "La signature ne correspond pas. Cherchez des caractères parasites dans la clé secrète.";
    ClockSkew = "clock-skew", "The clock is too far off. Synchronise it.", "L'horloge est trop décalée. Synchronisez-la.";
    NoCredentials = "no-credentials", "There are no AWS credentials to ask with. Give a key pair, a profile or a role.", "Aucun identifiant AWS pour interroger. Donnez une paire de clés, un profil ou un rôle.";
    Denied = "denied", "Permission is refused. Grant the named action.", "La permission est refusée. Accordez l'action nommée.";
    Throttled = "throttled", "The service throttles. Retry later or raise the quota.", "Le service limite le débit. Réessayez plus tard ou augmentez le quota.";
    NotFound = "not-found", "It does not exist. Correct the name and region, or create it.", "Cela n'existe pas. Corrigez le nom et la région, ou créez-le.";
    WrongRegion = "wrong-region", "It lives in another region. Point the client at that region.", "Cela se trouve dans une autre région. Dirigez le client vers elle.";
    Foreign = "foreign", "It belongs to another account. Use one of your own.", "Cela appartient à un autre compte. Utilisez le vôtre.";
    Kms = "kms", "The KMS key cannot be used. Grant it.", "La clé KMS ne peut pas être utilisée. Accordez-la.";
    ServerError = "server-error", "The service answered with an error of its own. Look at its log or status page.", "Le service a répondu par une erreur interne. Lisez son journal ou sa page d'état.";
    Protocol = "protocol", "The answer is not what this service speaks. Check that the address is the right service.", "La réponse n'est pas celle de ce service. Vérifiez que l'adresse est la bonne.";
    BadStatus = "bad-status", "The address answers with an error status. Look at the application's log.", "L'adresse répond par un code d'erreur. Lisez le journal de l'application.";
    RedirectLoop = "redirect-loop", "The address redirects without end. Check the redirect rules.", "L'adresse redirige sans fin. Vérifiez les règles de redirection.";
    OtherHost = "other-host", "The address lands on another host. Check the redirect rules.", "L'adresse mène à un autre hôte. Vérifiez les règles de redirection.";
    TooLarge = "too-large", "The answer is larger than Vigie reads.", "La réponse dépasse ce que Vigie lit.";
    ReadOnly = "read-only", "The server refuses writes: a replica or a read-only token. Use the writer.", "Le serveur refuse les écritures : réplique ou jeton en lecture seule. Utilisez l'accès en écriture.";
    NoPermission = "no-permission", "The user may not run this command. Grant it.", "L'utilisateur ne peut pas exécuter cette commande. Accordez-la.";
    OutOfMemory = "out-of-memory", "The server's memory is full. Raise the plan or turn eviction on.", "La mémoire du serveur est pleine. Augmentez l'offre ou activez l'éviction.";
    Persistence = "persistence", "The server refuses writes because it cannot persist. Look at its disk.", "Le serveur refuse d'écrire car il ne peut pas persister. Vérifiez son disque.";
    QuotaSpent = "quota-spent", "The plan's quota is spent. Raise the plan.", "Le quota de l'offre est épuisé. Augmentez l'offre.";
    Mismatch = "mismatch", "What was read is not what was written.", "Ce qui a été lu n'est pas ce qui a été écrit.";
    Rejected = "rejected", "The mail service refuses the message. Verify the sender and, in the sandbox, each recipient.", "Le service de messagerie refuse le message. Vérifiez l'expéditeur et, dans le bac à sable, chaque destinataire.";
    Paused = "paused", "Sending is paused for the account. Look at the SES console and ask AWS to resume it.", "L'envoi est suspendu pour le compte. Consultez la console SES et demandez à AWS de le rétablir.";
    Malformed = "malformed", "The value cannot be parsed. Correct it.", "La valeur ne peut pas être lue. Corrigez-la.";
    NotGiven = "not-given", "The value that this needs is not set. Set it.", "La valeur nécessaire n'est pas définie. Définissez-la.";
    WritesOff = "writes-off", "Writes are off. Set writes = \"full\", or pass --allow-writes on a terminal.", "Les écritures sont désactivées. Mettez writes = \"full\", ou passez --allow-writes dans un terminal.";
    Protected = "protected", "A write would set something off or could not be deleted (notifications, Object Lock).", "Une écriture déclencherait quelque chose ou ne pourrait pas être supprimée (notifications, Object Lock).";
    NoKey = "no-fingerprint-key", "There is no fingerprint key. Set fingerprint_key.", "Il n'y a pas de clé d'empreinte. Définissez fingerprint_key.";
    OtherKey = "other-fingerprint-key", "The neighbour's fingerprints are under another key. Use one key per installation.", "Les empreintes du voisin sont sous une autre clé. Utilisez une clé par installation.";
    NoNeighbour = "no-neighbour", "The other environment has not been audited yet. Audit it once.", "L'autre environnement n'a pas encore été audité. Auditez-le une fois.";
    NoHistory = "no-history", "This needs the memory of earlier runs, and there is none. Wait for the next scheduled run.", "Ceci demande la mémoire d'audits antérieurs, absente. Attendez le prochain audit planifié.";
    NoData = "no-data", "The service has no data for it yet.", "Le service n'a pas encore de données.";
    NotAsked = "not-asked", "This suite does not ask. Run the full suite.", "Cette suite ne le demande pas. Lancez la suite complète.";
    Deadline = "deadline", "The audit's own deadline came first. Raise the function's timeout or look at what was slow.", "L'échéance de l'audit est tombée avant. Augmentez le délai de la fonction ou cherchez la lenteur.";
    Unsupported = "unsupported", "The server does not support this question.", "Le serveur ne connaît pas cette question.";
    SourceUnread = "source-unread", "A source of variables could not be read. Correct the source or grant the action.", "Une source de variables n'a pas pu être lue. Corrigez la source ou accordez l'action.";
    Unweighed = "unweighed", "The policy allows by NotAction, NotResource or a pattern that Vigie does not weigh. Read it yourself.", "La politique autorise par NotAction, NotResource ou un motif que Vigie n'évalue pas. Lisez-la vous-même.";
    Unexpected = "unexpected", "An answer that Vigie does not know. Please report it.", "Une réponse que Vigie ne connaît pas. Merci de la signaler.";
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
