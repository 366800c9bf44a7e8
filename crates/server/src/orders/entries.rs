use anyhow::bail;
use clap::Args;
use phi_record::{Act, By, Found};
use phi_words::RequestId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::say::Said;

/// Which records to show.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Tail {
    /// How many.
    #[arg(long, default_value_t = 10)]
    count: usize,
}

/// Which call to show.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Show {
    /// Its id: the `x-request-id` of the reply.
    id: RequestId,
}

impl Tail {
    pub(crate) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let act = Act::new(by, "entry.tail").about("count", self.count);
        deployment.recorder().act(act).await?;
        let found = deployment.recorder().newest(self.count.min(10_000)).await?;
        Ok(Said::Rows(found.iter().map(shown).collect::<Result<_, _>>()?))
    }
}

impl Show {
    pub(crate) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        deployment.recorder().act(Act::new(by, "entry.read").about("call", self.id)).await?;
        let found = deployment.recorder().call(self.id).await?;
        if found.is_empty() {
            bail!("the ledger has no call `{}`\n  hint: it is the `x-request-id` of the reply", self.id);
        }
        Ok(Said::Rows(found.iter().map(shown).collect::<Result<_, _>>()?))
    }
}

fn shown(found: &Found) -> anyhow::Result<Value> {
    let Value::Object(fields) = serde_json::to_value(&found.line)? else { bail!("a record is no object") };
    let mut one = serde_json::Map::new();
    one.insert("index".into(), json!(found.index));
    one.extend(fields);
    Ok(Value::Object(one))
}
