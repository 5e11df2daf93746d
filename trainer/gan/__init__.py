"""DE-GAN: a face's expression on another identity, and what its encoder learns from that.

K. Ali, C. E. Hughes. "Facial Expression Representation Learning by Synthesizing Expression Images."
ICIP 2020. The second stage of learning is an ordinary training: see `trainer.nets.ali2020`.
"""
