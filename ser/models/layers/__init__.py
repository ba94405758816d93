"""LDAs on the layers of a pretrained encoder, one a layer, whose logits are added up with weights."""
