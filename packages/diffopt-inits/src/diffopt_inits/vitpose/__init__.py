"""ViTPose (Xu et al. 2022): keypoints in COCO's order, by transformers' own classes, or from its result files."""
