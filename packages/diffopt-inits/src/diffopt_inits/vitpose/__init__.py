"""ViTPose (Xu et al. 2022): keypoints in COCO's order, by transformers' classes or from result files."""
