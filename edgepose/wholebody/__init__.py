"""Hands, face and feet: crops from the body's keypoints, a small network each, and what comes of them."""
