use atelier_models::{BertConfig, BertModel};
use burn::tensor::Tensor;

use crate::common::{Golden, Outcome, Place, check, cpu, gpu, text};

fn agrees(place: Place) -> Outcome {
    let config = BertConfig::from_json(&text("bert/config.json")?)?;
    let mut weights = Golden::read("bert/model.safetensors")?.weights(&place.device)?;
    // MiniLM's published file has these two besides; the model does without.
    weights.insert("pooler.dense.weight", &[1], vec![0.0], &place.device)?;
    weights.insert("embeddings.position_ids", &[1, 1], vec![0.0], &place.device)?;
    let bert = BertModel::load(config, weights)?;
    let io = Golden::read("bert/io.safetensors")?;
    let ids = io.tensor::<2>("input_ids", &place.device)?.int();
    let mask: Tensor<2> = io.tensor("attention_mask", &place.device)?;
    let hidden = bert.forward(ids, mask);
    check(
        "last_hidden_state",
        &place,
        hidden,
        io.values("last_hidden_state")?,
    )
}

#[test]
fn bert_agrees_on_the_cpu() -> Outcome {
    agrees(cpu())
}

#[test]
fn bert_agrees_on_the_gpu() -> Outcome {
    agrees(gpu())
}
