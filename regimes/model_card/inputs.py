"""A model card in Markdown, with the metadata that the Hugging Face Hub reads."""

from __future__ import annotations

from pydantic import Field

from ...audit.regimes.base import Inputs


class ModelCardInputs(Inputs):
    """Inputs of a model card: what only the model's makers can say."""

    model_name: str = Field(min_length=1, description="Name of the model.")
    license: str = Field(min_length=1, description="Licence identifier of the model, such as apache-2.0.")
    intended_use: str = Field(min_length=1, description="Primary intended uses and users.")
    out_of_scope: str = Field(min_length=1, description="Uses that are out of scope.")
    limitations: str = Field(min_length=1, description="Caveats, limitations and recommendations.")
    dataset_id: str = Field(
        pattern=r"^[\w.-]+(/[\w.-]+)?$",
        description="Identifier of the evaluation data on the Hub, such as 'owner/name'.",
    )
    task_type: str = Field(
        "tabular-classification", pattern=r"^[a-z0-9-]+$", description="Task, as the Hub names it."
    )
    task_id: str = Field("default", min_length=1, description="Task within the evaluation data, on the Hub.")
    language: list[str] = Field(default_factory=list, description="Languages of the model, as codes.")
    tags: list[str] = Field(default_factory=list, description="Tags on the Hub.")
    base_model: str | None = Field(None, description="Identifier of the model that this one was made from.")
    developers: str | None = Field(None, description="Who developed the model, and where to ask.")
    training_data: str | None = Field(None, description="What the model was trained on.")
    ethical_considerations: str | None = Field(None, description="Ethical considerations.")
